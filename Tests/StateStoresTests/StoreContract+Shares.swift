// What unknown ids may use, and the shares of ids that got a 404 and of one key holder.

import StatusCore
import TestSupport
import Testing

extension StoreContract {
    /// Looks the action up, and answers it with a 404 immediately.
    private func readAs404(_ id: String, _ open: OpenStore) async throws {
        let token = try await open.store.grant(.of(.orders(id)))
        try await open.store.complete(
            .of(.orders(id), token, .opens(in: .zero), observation: .negative(.notFound)))
    }

    @Test(arguments: Case.all, [false, true])
    func idsWithA404UseHalfOfTheCallsForUnknownIDs(_ kind: Case, perDay: Bool) async throws {
        let open = try await kind.open()
        for id in ["x", "y", "z"] { try await readAs404(id, open) }
        try await open.pass(.seconds(90_000))
        func ask(_ id: String) async throws -> ReservationReply {
            try await open.store.reserve(
                perDay
                    ? .of(.orders(id), perDay: 9) : .of(.orders(id), perMinute: 8, perDay: 1000))
        }
        #expect(try await ask("x").verdict.isGranted)
        #expect(try await ask("y").verdict.isGranted)
        #expect(
            try await open.isSpent(
                ask("z"), perDay ? 86_413 : 73, perDay ? .dayNotFound : .minuteNotFound))
        // The other half is left for ids that have not been requested yet.
        #expect(try await ask("new1").verdict.isGranted)
        #expect(try await ask("new2").verdict.isGranted)
        #expect(
            try await open.isSpent(
                ask("new3"), perDay ? 86_413 : 73, perDay ? .dayUnknown : .minuteUnknown))
    }

    @Test(arguments: Case.all)
    func aFaultAfterA404KeepsTheIDInItsClass(_ kind: Case) async throws {
        let open = try await kind.open()
        for id in ["x", "y"] {
            try await readAs404(id, open)
            let token = try await open.store.grant(.of(.orders(id)))
            try await open.store.complete(
                .of(.orders(id), token, .opens(in: .zero), observation: .negative(.serverError)))
        }
        try await open.pass(.seconds(90))
        #expect(try await open.store.verdict(.of(.orders("x"), perMinute: 4)).isGranted)
        let reply = try await open.store.reserve(.of(.orders("y"), perMinute: 4))
        #expect(open.isSpent(reply, 73, .minuteNotFound))
    }

    @Test(arguments: Case.all)
    func theFirst404IsRememberedUntilAnAnswer(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("x")
        try await readAs404("x", open)
        for _ in 1...2 {
            try await open.pass(.seconds(100))
            try await readAs404("x", open)
        }
        let record = try #require(try await open.store.lookUp(key.id).first)
        #expect(open.isOlder(record.notFoundAgo, .seconds(200)))
        #expect(open.isOlder(record.negative?.age, .zero))
        let token = try await open.store.grant(.of(key))
        let reply = try await open.store.complete(
            .of(key, token, observation: .answer(.sample("x"), checkedAt: open.wall())))
        #expect(reply.record.notFoundAgo == nil)
    }

    @Test(arguments: Case.all, [false, true])
    func oneCallerUsesHalfOfTheCallsForUnknownIDs(_ kind: Case, perDay: Bool) async throws {
        let open = try await kind.open()
        try await open.makeKnown(["known"])
        try await open.pass(.seconds(90_000))
        func ask(_ id: String, _ holder: String?) async throws -> ReservationReply {
            try await open.store.reserve(
                perDay
                    ? .of(.orders(id), perDay: 9, holder: holder)
                    : .of(.orders(id), perMinute: 8, perDay: 1000, holder: holder))
        }
        let own = perDay ? BudgetKind.dayHolder : .minuteHolder
        #expect(try await ask("a1", "a").verdict.isGranted)
        #expect(try await ask("a2", "a").verdict.isGranted)
        #expect(try await open.isSpent(ask("a3", "a"), perDay ? 86_413 : 73, own))
        #expect(try await ask("known", "a").verdict.isGranted)
        #expect(try await ask("b1", "b").verdict.isGranted)
        #expect(try await ask("c1", nil).verdict.isGranted)
        let all = perDay ? BudgetKind.dayUnknown : .minuteUnknown
        #expect(try await open.isSpent(ask("b2", "b"), perDay ? 86_413 : 73, all))
    }

    // MARK: spelling

    private static let lower = "0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1e"
    private static let mixed = "0F6a2a39-7ad3-4D4A-9a5c-0c5a0f6b1f1e"

    @Test(arguments: Case.all, [(lower, mixed), (mixed, lower)])
    func aUUIDIsOneEntryInAnyLetterCase(_ kind: Case, _ spellings: (String, String))
        async throws
    {
        let open = try await kind.open()
        let (first, second) = (EntryKey.orders(spellings.0), EntryKey.orders(spellings.1))
        let token = try await open.store.grant(.of(first))
        guard case .gateShut(let record) = try await open.store.verdict(.of(second)) else {
            Issue.record("another spelling has a gate of its own")
            return
        }
        expectEqual(record.key.id.text, spellings.0)
        let reply = try await open.store.complete(
            .of(second, token, observation: .answer(.sample("a"), checkedAt: open.wall())))
        expectEqual(reply.record.key.id.text, spellings.0)
        let found = try await open.store.lookUp(second.id)
        expectEqual(found.map(\.key.id.text), [spellings.0])
        try expectEqual(open.journalCalls().map(\.key), [second])
        #expect(try await open.store.verdict(.of(.vouchers(spellings.1), perMinute: 2)).isGranted)
    }

    @Test(arguments: Case.all)
    func aCallThatWasNeverSentFixesNoSpelling(_ kind: Case) async throws {
        let open = try await kind.open()
        let token = try await open.store.grant(.of(.orders(Self.lower)))
        try await open.store.complete(.of(.orders(Self.lower), token, .opens(in: .zero)))
        _ = try await open.store.grant(.of(.orders(Self.mixed)))
        let found = try await open.store.lookUp(.sample(Self.lower))
        expectEqual(found.map(\.key.id.text), [Self.mixed])
    }

    @Test(arguments: Case.all)
    func idsThatAreNoUUIDsKeepTheirLetterCase(_ kind: Case) async throws {
        let open = try await kind.open()
        for id in ["aa_0f", "AA_0F", String(repeating: "a", count: 36)] {
            _ = try await open.store.grant(.of(.orders(id)))
        }
        let upper = String(repeating: "A", count: 36)
        #expect(try await open.store.lookUp(.sample(upper)).isEmpty)
        try await expectEqual(open.store.lookUp(.sample("AA_0F")).map(\.key.id.text), ["AA_0F"])
    }
}
