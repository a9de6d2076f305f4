// What every store does with a breaker's hint: one process reports it, and others that ask get it.

import StateStores
import StatusCore
import TestSupport
import Testing

extension StoreContract {
    @Test(arguments: Case.all)
    func anOpenBreakerStopsOnlyReservationsThatHeedIt(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.hint(.opened(for: .seconds(20)))
        try await open.expectResting(.seconds(20))
        _ = try await open.store.grant(.of(.orders("b")))
        _ = try await open.store.grant(.of(.vouchers("b"), heedsBreaker: true))
        try await open.pass(.seconds(19))
        try await open.expectResting(.seconds(1))
        try await open.pass(.seconds(1))
        _ = try await open.store.grant(.of(.orders("c"), heedsBreaker: true))
    }

    @Test(arguments: Case.all)
    func anOpenBreakerNeverGetsShorterUnlessItIsClosed(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.hint(.opened(for: .seconds(100)))
        try await open.hint(.opened(for: .seconds(1)))
        try await open.expectResting(.seconds(100))
        try await open.hint(nil)
        try await open.expectResting(.seconds(100))
        try await open.hint(.opened(for: .seconds(200)))
        try await open.expectResting(.seconds(200))
        try await open.hint(.closed)
        _ = try await open.store.grant(.of(.orders("c"), heedsBreaker: true))
        try await open.hint(.opened(for: .seconds(1)))
        try await open.expectResting(.seconds(1))
    }

    @Test(arguments: Case.all)
    func pauseIsCheckedBeforeBreakerAndBreakerBeforeGate(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("shut")
        _ = try await open.store.grant(.of(key))
        try await open.hint(.opened(for: .seconds(20)))
        let request = Reservation.of(key, heedsBreaker: true)
        #expect(try await open.store.verdict(request).restsFor != nil)
        try await open.hint(.opened(for: .seconds(20)), pause: .seconds(10))
        guard case .paused = try await open.store.verdict(request) else {
            Issue.record("not paused")
            return
        }
        try await open.pass(.seconds(10))
        #expect(try await open.store.verdict(request).restsFor != nil)
        try await open.pass(.seconds(10))
        #expect(try await open.store.verdict(request).isGateShut)
    }

    @Test(arguments: Case.all)
    func anOpenBreakersDenialTakesNothing(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.hint(.opened(for: .seconds(20)))
        let count = try open.journalCalls().count
        let reply = try await open.store.reserve(
            .of(.orders("b"), perMinute: 9, heedsBreaker: true))
        #expect(reply.verdict.restsFor != nil && reply.budgetLeft.minute == 8)
        #expect(try await open.store.lookUp(.sample("b")).isEmpty)
        try expectEqual(open.journalCalls().count, count)
    }
}

extension OpenStore {
    /// A call of the orders upstream ends with that hint.
    fileprivate func hint(_ breaker: BreakerHint?, pause: Duration? = nil) async throws {
        let key = EntryKey.orders("hint")
        let token = try await store.grant(.of(key, hold: .zero))
        var completion = Completion.of(key, token, .opens(in: .zero), pause: pause)
        completion.breaker = breaker
        try await store.complete(completion)
    }

    fileprivate func expectResting(_ span: Duration) async throws {
        let verdict = try await store.verdict(.of(.orders("c"), heedsBreaker: true))
        #expect(isAbout(verdict.restsFor, span))
    }
}
