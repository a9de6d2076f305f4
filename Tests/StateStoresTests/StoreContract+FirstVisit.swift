// Look-ups that reserve where nothing is kept.

import StatusCore
import TestSupport
import Testing

extension StoreContract {
    @Test(arguments: Case.all)
    func aFirstVisitToAColdActionReservesEachCall(_ kind: Case) async throws {
        let open = try await kind.open()
        let (order, voucher) = (EntryKey.orders("a"), EntryKey.vouchers("a"))
        let reply = try await open.store.lookUp(
            order.id, orReserve: [.of(order, perMinute: 4), .of(voucher)])
        #expect(reply.records.isEmpty)
        let token = try #require(reply.reservations[.orders]?.token)
        expectEqual(reply.reservations[.vouchers]?.verdict.isGranted, true)
        expectEqual(reply.reservations[.orders]?.budgetLeft.minute, 3)
        // As after a reservation: the gate stays shut until its owner completes the call.
        #expect(try await open.store.verdict(.of(order)).isGateShut)
        let completed = try await open.store.complete(
            .of(order, token, observation: .answer(.sample("a"), checkedAt: open.wall())))
        #expect(open.isAbout(completed.record.opensIn, .seconds(30)))
        try expectEqual(open.journal().calls().map(\.key), [order, voucher])
    }

    @Test(arguments: Case.all)
    func aFirstVisitToWhatIsKeptReservesNothing(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let token = try await open.store.grant(.of(key))
        try await open.store.complete(
            .of(
                key, token, .opens(in: .zero),
                observation: .answer(.sample("a"), checkedAt: open.wall())))
        for requests in [[Reservation.of(key)], [.of(.vouchers("a"))]] {
            let reply = try await open.store.lookUp(key.id, orReserve: requests)
            expectEqual(reply.records.map(\.answer?.document), [.sample("a")])
            #expect(reply.reservations.isEmpty)
        }
        try expectEqual(open.journal().calls().count, 1)
    }

    /// Another process has reserved it, and says nothing yet.
    @Test(arguments: Case.all)
    func aFirstVisitFindsAShutGate(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        _ = try await open.store.grant(.of(key))
        let reply = try await open.store.lookUp(key.id, orReserve: [.of(key)])
        #expect(open.isAbout(reply.records.first?.opensIn, .seconds(41)))
        #expect(reply.reservations.isEmpty)
    }

    @Test(arguments: Case.all)
    func firstVisitsShareTheBudgetOfUnknownIDs(_ kind: Case) async throws {
        let open = try await kind.open()
        func visit(_ id: String) async throws -> ReservationReply? {
            let request = Reservation.of(.orders(id), perMinute: 4)
            return try await open.store.lookUp(.sample(id), orReserve: [request])
                .reservations[.orders]
        }
        try await expectEqual(visit("a")?.verdict.isGranted, true)
        #expect(try await open.store.verdict(.of(.orders("b"), perMinute: 4)).isGranted)
        let spent = try #require(try await visit("c"))
        #expect(open.isSpent(spent, 73, .minuteUnknown))
        #expect(try await open.store.lookUp(.sample("c")).isEmpty)
    }

    /// A visit that is refused at one source is granted at another.
    @Test(arguments: Case.all)
    func eachReservationOfAFirstVisitIsDecidedByItself(_ kind: Case) async throws {
        let open = try await kind.open()
        let token = try await open.store.grant(.of(.orders("a")))
        try await open.store.complete(
            .of(.orders("a"), token, pause: .seconds(60), observation: .negative(.throttled)))
        let reply = try await open.store.lookUp(
            .sample("b"), orReserve: [.of(.orders("b")), .of(.vouchers("b"))])
        guard case .paused(let opensIn)? = reply.reservations[.orders]?.verdict else {
            Issue.record("\(reply)")
            return
        }
        #expect(open.isAbout(opensIn, .seconds(60)))
        expectEqual(reply.reservations[.vouchers]?.verdict.isGranted, true)
    }
}
