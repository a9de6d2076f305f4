// What every store promises of an upstream's list: its own gate and budget, and what it confirms.

import StateStores
import StatusCore
import Testing

extension StoreContract {
    // MARK: calls of a list

    @Test(arguments: Case.all)
    func listsHaveGatesOfTheirOwn(_ kind: Case) async throws {
        let open = try await kind.open()
        let list = LookKey(.vouchers, .list)
        let token = try await open.store.grant(.of(list))
        #expect(try await open.store.verdict(.of(list)).isGateShut)
        _ = try await open.store.grant(.of(LookKey(.orders, .list)))
        _ = try await open.store.grant(.of(.vouchers("a")))
        let reply = try await open.store.settle(.list(token, []))
        #expect(reply.record.key == list && open.isAbout(reply.record.opensIn, .seconds(30)))
        try await open.pass(.seconds(29))
        #expect(try await open.store.verdict(.of(list)).isGateShut)
        try await open.pass(.seconds(1))
        _ = try await open.store.grant(.of(list))
    }

    @Test(arguments: Case.all)
    func listCallsCountAsKnownEvenWhenNothingIsKnown(_ kind: Case) async throws {
        let open = try await kind.open()
        func ask(_ key: LookKey) async throws -> ReservationReply {
            try await open.store.reserve(.of(key, perMinute: 4, perDay: 100))
        }
        let list = LookKey(.vouchers, .list)
        // Takes from the whole budget, and nothing from the half that unknown ids share.
        #expect(try await ask(list).budgetLeft == BudgetLeft(minute: 3, day: 99))
        #expect(try await ask(.vouchers("x")).verdict.isGranted)
        #expect(try await ask(.vouchers("y")).verdict.isGranted)
        #expect(try await open.isSpent(ask(.vouchers("z")), 73, .minuteUnknown))
        try await open.pass(Reservation.hold)
        #expect(try await ask(list).budgetLeft.minute == 0)
        let calls = try open.journalCalls()
        #expect(calls.map(\.key) == [list, .vouchers("x"), .vouchers("y"), list])
        #expect(calls.map(\.wasUnknown) == [false, true, true, false])
    }

    @Test(arguments: Case.all)
    func smallestGapCountsCallsOfAList(_ kind: Case) async throws {
        let open = try await kind.open()
        func call(_ key: LookKey) async throws -> SettlementReply {
            let token = try await open.store.grant(.of(key))
            return try await open.store.settle(.of(key, token, sentAgo: .zero))
        }
        let list = LookKey(.vouchers, .list)
        #expect(try await call(list).gap == nil)
        try await open.pass(.seconds(33))
        let again = try await call(list)
        #expect(open.isAbout(again.gap, .seconds(33)))
        #expect(open.isAbout(again.smallestGap, .seconds(33)))
    }

    @Test(arguments: Case.all)
    func aListsMissIsForgottenWhenItConfirms(_ kind: Case) async throws {
        let open = try await kind.open()
        let list = LookKey(.vouchers, .list)
        var tokens: [SlotToken] = []
        for _ in 0..<3 { tokens.append(try await open.store.grant(.of(list, hold: .zero))) }
        let missed = try await open.store.settle(.of(list, tokens[0], news: .missed(.timedOut)))
        #expect(missed.record.miss?.fault.kind == .timedOut)
        #expect(try await open.store.settle(.list(tokens[2], [])).record.miss == nil)
        let late = try await open.store.settle(.of(list, tokens[1], news: .missed(.timedOut)))
        #expect(late.record.miss == nil)
    }

    // MARK: what it confirms

    @Test(arguments: Case.all)
    func aListRefreshesOnlyAnswersThatAreStillTheOnesKept(_ kind: Case) async throws {
        let open = try await kind.open()
        _ = try await open.tell(["kept", "replaced"])
        try await open.pass(.seconds(10))
        let second = try await open.tell(["replaced"], state: "another state")
        try await open.pass(.seconds(10))
        let told = try await open.list(
            [
                .of("kept"),
                .of("replaced"),
                .of("never-asked"),
            ])
        let kept = try await open.voucher("kept")
        #expect(
            kept?.answer?.checkedAt == told && kept?.answer?.document == .sample("kept", .vouchers))
        #expect(open.isAbout(kept?.opensIn, .seconds(30)) && kept?.isKnown == true)
        #expect(open.isNear(kept?.answer?.age ?? .seconds(99), .zero))
        #expect(open.isOlder(kept?.firstSeenAgo, .seconds(20)))
        let replaced = try await open.voucher("replaced")
        #expect(replaced?.answer?.checkedAt == second && replaced?.opensIn ?? .zero <= .zero)
        #expect(try await open.voucher("never-asked") == nil)
    }

    @Test(arguments: Case.all)
    func aListLeavesAnswersOfTheOtherUpstreamAlone(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.makeKnown(["a"])
        let told = open.wall()
        try await open.pass(.seconds(10))
        _ = try await open.list([.of("a")])
        let records = try await open.store.lookUp(.sample("a"))
        #expect(records.map(\.key.source) == [.orders])
        #expect(records.first?.answer?.checkedAt == told)
    }

    @Test(arguments: Case.all)
    func aListNeverRefreshesAFinishedAnswer(_ kind: Case) async throws {
        let open = try await kind.open()
        let told = try await open.tell(["a"], isDone: true)
        try await open.pass(.seconds(10))
        _ = try await open.list([.of("a")])
        let record = try await open.voucher("a")
        #expect(record?.answer?.checkedAt == told && record?.opensIn ?? .zero <= .zero)
    }

    @Test(arguments: Case.all)
    func aListThatAnsweredEarlierSetsNoAnswerBack(_ kind: Case) async throws {
        let open = try await kind.open()
        let told = try await open.tell(["a"])
        try await open.pass(.seconds(10))
        for answeredAgo in [Duration.seconds(11), .seconds(10)] {
            _ = try await open.list(
                [.of("a")], gate: .opens(in: .zero),
                answeredAgo: answeredAgo)
            #expect(try await open.voucher("a")?.answer?.checkedAt == told)
        }
        let later = try await open.list(
            [.of("a")], answeredAgo: .seconds(9))
        let answer = try await open.voucher("a")?.answer
        #expect(answer?.checkedAt == later && open.isOlder(answer?.age, .seconds(9)))
    }

    @Test(arguments: Case.all)
    func aListMovesGatesOnlyForward(_ kind: Case) async throws {
        let open = try await kind.open()
        _ = try await open.tell(["far"], opensIn: .seconds(100))
        _ = try await open.tell(["near"], opensIn: .seconds(20))
        try await open.pass(.seconds(10))
        _ = try await open.list(
            ["far", "near"].map(Confirmation.of))
        for (id, left) in [("far", 90), ("near", 30)] {
            let record = try await open.voucher(id)
            #expect(open.isAbout(record?.opensIn, .seconds(left)), "\(id)")
        }
        try await open.pass(.seconds(30))
        _ = try await open.store.grant(.of(.vouchers("near")))
        #expect(try await open.store.verdict(.of(.vouchers("far"))).isGateShut)
    }

    @Test(arguments: Case.all)
    func aListLeavesACallUnderWayToItsOwner(_ kind: Case) async throws {
        let open = try await kind.open()
        _ = try await open.tell(["a"])
        try await open.pass(.seconds(10))
        let token = try await open.store.grant(.of(.vouchers("a")))
        let confirmed = try await open.list([.of("a")])
        let held = try await open.voucher("a")
        #expect(held?.answer?.checkedAt == confirmed)
        #expect(open.isAbout(held?.opensIn, Reservation.hold))
        try await open.pass(.seconds(1))
        let reply = try await open.store.settle(
            .of(
                .vouchers("a"), token, .opens(in: .seconds(5)),
                news: .answer(.sample("new", .vouchers), checkedAt: open.wall())))
        #expect(open.isAbout(reply.record.opensIn, .seconds(5)))
        #expect(reply.record.answer?.document == .sample("new", .vouchers))
    }

    @Test(arguments: Case.all)
    func aListForgetsAnOlderMissAndNotANewer(_ kind: Case) async throws {
        let open = try await kind.open()
        _ = try await open.tell(["older", "newer"])
        func miss(_ id: String) async throws {
            try await open.pass(.seconds(10))
            let token = try await open.store.grant(.of(.vouchers(id)))
            try await open.store.settle(
                .of(.vouchers(id), token, .opens(in: .zero), news: .missed(.timedOut)))
        }
        try await miss("older")
        try await miss("newer")
        // The list answered between the two.
        let confirmed = try await open.list(
            ["older", "newer"].map(Confirmation.of),
            answeredAgo: .seconds(5))
        for (id, isMissed) in [("older", false), ("newer", true)] {
            let record = try await open.voucher(id)
            #expect(record?.answer?.checkedAt == confirmed, "\(id)")
            #expect((record?.miss != nil) == isMissed, "\(id)")
        }
    }

    @Test(arguments: Case.all)
    func aListThatStaysHeldConfirmsNothing(_ kind: Case) async throws {
        let open = try await kind.open()
        let told = try await open.tell(["a"])
        try await open.pass(.seconds(10))
        _ = try await open.list([.of("a")], gate: .staysHeld)
        let record = try await open.voucher("a")
        #expect(record?.answer?.checkedAt == told && record?.opensIn ?? .zero <= .zero)
    }

    @Test(arguments: Case.all)
    func settlingAListTwiceConfirmsNothingMore(_ kind: Case) async throws {
        let open = try await kind.open()
        let told = try await open.tell(["a"])
        try await open.pass(.seconds(10))
        let token = try await open.store.grant(.of(LookKey(.vouchers, .list)))
        let settlement = Settlement.list(
            token, [.of("a")], checkedAt: told)
        try await open.store.settle(settlement)
        try await open.pass(.seconds(10))
        let again = try await open.store.settle(settlement)
        #expect(open.isAbout(again.record.opensIn, .seconds(20)))
        let record = try await open.voucher("a")
        #expect(open.isAbout(record?.opensIn, .seconds(20)))
        #expect(open.isOlder(record?.answer?.age, .seconds(10)))
    }
}

extension OpenStore {
    /// Lets the vouchers upstream tell a state of each of these actions; the time it came with.
    fileprivate func tell(
        _ ids: [String], state: String? = nil, isDone: Bool = false, opensIn: Duration = .zero
    ) async throws -> WallTime {
        for id in ids {
            let token = try await store.grant(.of(.vouchers(id)))
            try await store.settle(
                .of(
                    .vouchers(id), token, .opens(in: opensIn),
                    news: .answer(
                        .sample(state ?? id, .vouchers, isDone: isDone), checkedAt: wall())))
        }
        return wall()
    }

    /// Calls the vouchers' list; the time that its news comes with.
    fileprivate func list(
        _ confirmations: [Confirmation], gate: Settlement.Gate = .opens(in: .seconds(30)),
        answeredAgo: Duration = .zero
    ) async throws -> WallTime {
        let key = LookKey(.vouchers, .list)
        // Its own gate is not what these tests are about.
        let token = try await store.grant(.of(key, hold: .zero))
        let checkedAt = WallTime(
            milliseconds: wall().milliseconds - answeredAgo.nanoseconds / 1_000_000)
        var settlement = Settlement.list(token, confirmations, gate, checkedAt: checkedAt)
        settlement.answeredAgo = answeredAgo
        try await store.settle(settlement)
        return checkedAt
    }

    fileprivate func voucher(_ id: String) async throws -> LookRecord? {
        try await store.lookUp(.sample(id)).first { $0.key.source == .vouchers }
    }
}

extension Confirmation {
    /// The list tells the state that ``OpenStore/tell`` told.
    fileprivate static func of(_ id: String) -> Confirmation {
        Confirmation(id: .sample(id), document: .sample(id, .vouchers))
    }
}

extension Settlement {
    /// The end of a call of the vouchers' list.
    static func list(
        _ token: SlotToken, _ confirmations: [Confirmation],
        _ gate: Gate = .opens(in: .seconds(30)), checkedAt: WallTime = WallTime(milliseconds: 0)
    ) -> Settlement {
        .of(
            LookKey(.vouchers, .list), token, gate,
            news: .confirmed(confirmations, checkedAt: checkedAt))
    }
}
