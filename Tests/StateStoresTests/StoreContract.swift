// What every store must do, as tables of instants. Each case runs against each store.

import StateStores
import StatusCore
import TestSupport
import Testing

@Suite("Every store keeps the contract", .blocking)
struct StoreContract {
    typealias Case = StoreUnderTest

    // MARK: gate

    @Test(arguments: Case.all)
    func gateOpensWhenTheHoldHasPassedAndNotBefore(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        _ = try await open.store.grant(.of(key))
        for (pass, left) in [(0, 41), (1, 40), (39, 1)] {
            try await open.pass(.seconds(pass))
            guard case .gateShut(let record) = try await open.store.verdict(.of(key)) else {
                Issue.record("open \(left) s too early")
                return
            }
            #expect(open.isAbout(record.opensIn, .seconds(left)))
        }
        try await open.pass(.seconds(1))
        _ = try await open.store.grant(.of(key))
    }

    @Test(arguments: Case.all)
    func ownerMovesTheGateFromTheMomentOfTheCompletion(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let token = try await open.store.grant(.of(key))
        try await open.pass(.seconds(2))
        let reply = try await open.store.complete(.of(key, token, .opens(in: .seconds(5))))
        #expect(open.isAbout(reply.record.opensIn, .seconds(5)))
        try await open.pass(.seconds(4))
        #expect(try await open.store.verdict(.of(key)).isGateShut)
        try await open.pass(.seconds(1))
        #expect(try await open.store.grant(.of(key)) > token)
    }

    @Test(arguments: Case.all)
    func heldGateStaysAtThePessimisticValue(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let token = try await open.store.grant(.of(key))
        try await open.pass(.seconds(10))
        let reply = try await open.store.complete(
            .of(key, token, .staysHeld, observation: .negative(.timedOut)))
        #expect(open.isAbout(reply.record.opensIn, .seconds(31)))
        expectEqual(reply.record.negative?.fault.kind, .timedOut)
    }

    @Test(arguments: Case.all)
    func olderOwnerNeitherMovesTheGateNorReplacesTheResult(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let old = try await open.store.grant(.of(key))
        try await open.pass(.seconds(41))
        let new = try await open.store.grant(.of(key))
        let newer = ActionDocument.sample("newer")
        try await open.store.complete(
            .of(
                key, new, .opens(in: .seconds(30)),
                observation: .answer(newer, checkedAt: open.wall())))
        for observation in [
            Completion.Observation.answer(.sample("older"), checkedAt: open.wall()),
            .negative(.timedOut),
        ] {
            let late = try await open.store.complete(
                .of(key, old, .opens(in: .zero), observation: observation))
            #expect(open.isAbout(late.record.opensIn, .seconds(30)))
            expectEqual(late.record.answer?.document, newer)
            #expect(late.record.negative == nil)
        }
    }

    @Test(arguments: Case.all)
    func olderOwnersResultIsKeptWhileThereIsNoNewer(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let old = try await open.store.grant(.of(key))
        try await open.pass(.seconds(41))
        let new = try await open.store.grant(.of(key))
        let late = try await open.store.complete(
            .of(key, old, observation: .answer(.sample("older"), checkedAt: open.wall())))
        expectEqual(late.record.answer?.document, .sample("older"))
        #expect(open.isAbout(late.record.opensIn, .seconds(41)))
        let last = try await open.store.complete(
            .of(key, new, observation: .answer(.sample("newer"), checkedAt: open.wall())))
        expectEqual(last.record.answer?.document, .sample("newer"))
    }

    @Test(arguments: Case.all)
    func olderOwnersAnswerReplacesAnOlderOneThoughALaterCallFailed(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let first = try await open.store.grant(.of(key))
        try await open.store.complete(
            .of(
                key, first, .opens(in: .zero),
                observation: .answer(.sample("first"), checkedAt: open.wall())))
        try await open.pass(.seconds(1))
        let old = try await open.store.grant(.of(key))
        try await open.pass(.seconds(41))
        let new = try await open.store.grant(.of(key))
        try await open.store.complete(
            .of(key, new, .opens(in: .seconds(30)), observation: .negative(.timedOut)))
        var completion = Completion.of(
            key, old, .opens(in: .zero),
            observation: .answer(.sample("later"), checkedAt: open.wall()))
        completion.answeredAgo = .seconds(40)
        let late = try await open.store.complete(completion)
        expectEqual(late.record.answer?.document, .sample("later"))
        expectEqual(late.record.negative?.fault.kind, .timedOut)
        #expect(open.isAbout(late.record.opensIn, .seconds(30)))
    }

    /// A store that was set back has forgotten calls that its processes still complete.
    @Test(arguments: Case.all)
    func resultOfAForgottenCallIsOrderedByItsAge(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let forgotten = FencingToken(1 << 60)
        func complete(
            _ token: FencingToken, _ text: String, answeredAgo: Duration
        ) async throws -> ActionDocument? {
            let observation = Completion.Observation.answer(.sample(text), checkedAt: open.wall())
            var completion = Completion.of(key, token, .opens(in: .zero), observation: observation)
            completion.answeredAgo = answeredAgo
            return try await open.store.complete(completion).record.answer?.document
        }
        let kept = try await open.store.grant(.of(key))
        try await open.pass(.seconds(41))
        let next = try await open.store.grant(.of(key))
        try await expectEqual(complete(kept, "a", answeredAgo: .seconds(10)), .sample("a"))
        try await expectEqual(complete(forgotten, "b", answeredAgo: .seconds(11)), .sample("a"))
        try await expectEqual(complete(forgotten, "c", answeredAgo: .seconds(9)), .sample("c"))
        // From now on a call that the store knows is not granted beside it, either.
        try await expectEqual(complete(next, "d", answeredAgo: .seconds(10)), .sample("c"))
        let last = try await open.store.grant(.of(key))
        try await expectEqual(complete(last, "e", answeredAgo: .seconds(8)), .sample("e"))
        var missed = Completion.of(
            key, forgotten, observation: .negative(.notFound, age: .seconds(9)))
        #expect(try await open.store.complete(missed).record.negative == nil)
        missed.observation = .negative(.notFound, age: .seconds(7))
        #expect(try await open.store.complete(missed).record.negative != nil)
    }

    @Test(arguments: Case.all)
    func completingTwiceChangesNothingMore(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let token = try await open.store.grant(.of(key))
        let completion = Completion.of(key, token, .opens(in: .seconds(30)), sentAgo: .zero)
        try await open.store.complete(completion)
        try await open.pass(.seconds(10))
        let again = try await open.store.complete(completion)
        #expect(open.isAbout(again.record.opensIn, .seconds(20)))
    }

    @Test(arguments: Case.all)
    func gatesOfTwoSourcesAndTwoActionsAreSeparate(_ kind: Case) async throws {
        let open = try await kind.open()
        var tokens: Set<FencingToken> = []
        for key in [EntryKey.orders("a"), .vouchers("a"), .orders("b")] {
            tokens.insert(try await open.store.grant(.of(key)))
        }
        expectEqual(tokens.count, 3)
        try await expectEqual(
            open.store.lookUp(.sample("a")).map(\.key.source), [.orders, .vouchers])
        #expect(try await open.store.lookUp(.sample("c")).isEmpty)
    }

    @Test(arguments: Case.all)
    func aThousandConcurrentReservationsOfOneActionGetOneGrant(_ kind: Case) async throws {
        let open = try await kind.open()
        let grants = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<1000 {
                group.addTask { try await open.store.verdict(.of(.orders("a"))).isGranted }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        expectEqual(grants, 1)
    }

    // MARK: budget

    @Test(arguments: Case.all)
    func minuteWindowSlidesFromEachCallsEnd(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.makeKnown(["a", "b", "c"])
        try await open.pass(.seconds(90_000))
        func ask(_ id: String) async throws -> ReservationReply {
            try await open.store.reserve(.of(.orders(id), perMinute: 2))
        }
        // 0 s: a is reserved, and ends at 10 s. 20 s: b is reserved and never completed: 33 s.
        let first = try await ask("a")
        expectEqual(first.budgetLeft, BudgetLeft(minute: 1, day: nil))
        try await open.pass(.seconds(10))
        try await open.store.complete(.of(.orders("a"), first.token!))
        try await open.pass(.seconds(10))
        try await expectEqual(ask("b").budgetLeft.minute, 0)
        // 20 s: a counts until 70 s.
        #expect(try await open.isSpent(ask("c"), 50, .minute))
        try await open.pass(.seconds(49))
        #expect(try await open.isSpent(ask("c"), 1, .minute))
        try await open.pass(.seconds(1) + BudgetKind.minute.slew)
        #expect(try await ask("c").verdict.isGranted)
        // 70.1 s: b counts until 93.1 s.
        let spent = try await ask("a").verdict
        expectEqual(spent, .budgetSpent(opensIn: .seconds(23), .minute))
        try await open.pass(.seconds(23))
        #expect(try await ask("a").verdict.isGranted)
    }

    @Test(arguments: Case.all)
    func dayWindowIsTheLatestBlockReason(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.makeKnown(["a", "b"])
        try await open.pass(.seconds(90_000))
        let token = try await open.store.grant(.of(.orders("a"), perMinute: 1, perDay: 1))
        try await open.store.complete(.of(.orders("a"), token))
        let reply = try await open.store.reserve(.of(.orders("b"), perMinute: 1, perDay: 1))
        #expect(open.isSpent(reply, 86_400, .day))
        expectEqual(reply.budgetLeft, BudgetLeft(minute: 0, day: 0))
        try await open.pass(.seconds(86_399))
        #expect(
            try await open.isSpent(
                open.store.reserve(.of(.orders("b"), perMinute: 1, perDay: 1)), 1, .day))
        try await open.pass(.seconds(1) + BudgetKind.day.slew)
        _ = try await open.store.grant(.of(.orders("b"), perMinute: 1, perDay: 1))
    }

    @Test(arguments: Case.all)
    func unknownIDsUseAtMostHalf(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.makeKnown(["known"])
        try await open.pass(.seconds(90_000))
        func ask(_ id: String) async throws -> ReservationReply {
            try await open.store.reserve(.of(.orders(id), perMinute: 4, perDay: 100))
        }
        #expect(try await ask("x").verdict.isGranted)
        #expect(try await ask("y").verdict.isGranted)
        #expect(try await open.isSpent(ask("z"), 73, .minuteUnknown))
        #expect(try await ask("known").verdict.isGranted)
        #expect(try await open.store.lookUp(.sample("z")).isEmpty)
    }

    @Test(arguments: Case.all)
    func unknownShareOfTheDayIsItsOwnBlockReason(_ kind: Case) async throws {
        let open = try await kind.open()
        let ask = { (id: String) in
            try await open.store.reserve(.of(.orders(id), perMinute: 100, perDay: 3))
        }
        #expect(try await ask("x").verdict.isGranted)
        #expect(try await open.isSpent(ask("y"), 86_413, .dayUnknown))
    }

    @Test(arguments: Case.all)
    func anIDKnownToTheOtherUpstreamIsNotUnknown(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.makeKnown(["a", "b"])
        try await open.pass(.seconds(90_000))
        for id in ["a", "b"] {
            #expect(
                try await open.store.verdict(.of(.vouchers(id), perMinute: 2)).isGranted)
        }
    }

    @Test(arguments: Case.all)
    func deniedReservationsTakeNothing(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.makeKnown(["a"])
        try await open.pass(.seconds(90_000))
        _ = try await open.store.grant(.of(.orders("a"), perMinute: 3))
        for _ in 0..<5 {
            let reply = try await open.store.reserve(.of(.orders("a"), perMinute: 3))
            #expect(reply.verdict.isGateShut)
            expectEqual(reply.budgetLeft.minute, 2)
        }
    }

    // MARK: pause

    @Test(arguments: Case.all)
    func pauseStopsTheWholeUpstreamAndNeverGetsShorter(_ kind: Case) async throws {
        let open = try await kind.open()
        let (long, short) = (EntryKey.orders("long"), EntryKey.orders("short"))
        let tokens = (try await open.store.grant(.of(long)), try await open.store.grant(.of(short)))
        try await open.store.complete(.of(long, tokens.0, pause: .seconds(100)))
        _ = try await open.store.grant(.of(.vouchers("a")))
        try await open.pass(.seconds(10))
        try await open.store.complete(.of(short, tokens.1, pause: .seconds(1)))
        guard case .paused(let opensIn) = try await open.store.verdict(.of(.orders("b"))) else {
            Issue.record("not paused")
            return
        }
        #expect(open.isAbout(opensIn, .seconds(90)))
        try await open.pass(.seconds(90))
        _ = try await open.store.grant(.of(.orders("b")))
    }

    @Test(arguments: Case.all)
    func pauseCountsFromAnOlderOwnerToo(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let old = try await open.store.grant(.of(key))
        try await open.pass(.seconds(41))
        _ = try await open.store.grant(.of(key))
        try await open.store.complete(.of(key, old, pause: .seconds(60)))
        guard case .paused = try await open.store.verdict(.of(.orders("b"))) else {
            Issue.record("not paused")
            return
        }
    }

    // MARK: observations

    @Test(arguments: Case.all)
    func answerIsKeptWithItsAge(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let token = try await open.store.grant(.of(key))
        let checkedAt = open.wall()
        let document = ActionDocument.sample("a")
        try await open.store.complete(
            .of(key, token, observation: .answer(document, checkedAt: checkedAt)))
        try await open.pass(.seconds(7))
        let record = try #require(try await open.store.lookUp(key.id).first)
        #expect(record.isKnown && record.negative == nil)
        #expect(record.answer?.document == document && record.answer?.checkedAt == checkedAt)
        #expect(open.isOlder(record.answer?.age, .seconds(7)) && record.firstSeenAgo >= .seconds(7))
    }

    @Test(arguments: Case.all)
    func missKeepsTheAnswerAndAnAnswerForgetsTheMiss(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let document = ActionDocument.sample("a")
        func look(_ observation: Completion.Observation) async throws -> EntryRecord {
            let token = try await open.store.grant(.of(key))
            return try await open.store.complete(
                .of(key, token, .opens(in: .zero), observation: observation)
            )
            .record
        }
        _ = try await look(.answer(document, checkedAt: open.wall()))
        let missed = try await look(.negative(.notFound, repeats: 3, age: .seconds(2)))
        expectEqual(missed.answer?.document, document)
        expectEqual(
            missed.negative?.fault,
            UpstreamFault(kind: .notFound, httpStatus: 404, code: "c", message: "m"))
        #expect(missed.negative?.repeats == 3 && open.isOlder(missed.negative?.age, .seconds(2)))
        try await expectEqual(look(.none).negative?.repeats, 3)
        #expect(try await look(.answer(document, checkedAt: open.wall())).negative == nil)
    }

    @Test(arguments: Case.all)
    func finishedAnswerIsNotReplacedByAnUnfinishedOne(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let done = ActionDocument.sample("done", .orders, .succeeded, isDone: true)
        let again = ActionDocument.sample("again", .orders, .failed, isDone: true)
        var tokens: [FencingToken] = []
        for _ in 0..<3 {
            tokens.append(try await open.store.grant(.of(key)))
            try await open.pass(Reservation.hold)
        }
        for (reported, kept) in [(done, done), (.sample("later"), done), (again, again)] {
            let reply = try await open.store.complete(
                .of(
                    key, tokens.removeFirst(), .opens(in: .zero),
                    observation: .answer(reported, checkedAt: open.wall())))
            expectEqual(reply.record.answer?.document, kept)
        }
    }

    @Test(arguments: Case.all)
    func finishedAnswerKeepsItsGateShut(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let done = ActionDocument.sample("done", .orders, .succeeded, isDone: true)
        let token = try await open.store.grant(.of(key))
        try await open.store.complete(
            .of(key, token, .opens(in: .zero), observation: .answer(done, checkedAt: open.wall())))
        try await open.pass(.seconds(100))
        guard case .gateShut(let record) = try await open.store.verdict(.of(key)) else {
            Issue.record("a finished action may be asked again")
            return
        }
        #expect(record.opensIn <= .zero && record.answer?.document == done)
    }

    @Test(arguments: Case.all)
    func resultIsAsOldAsTheUpstreamsAnswer(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        let token = try await open.store.grant(.of(key))
        var completion = Completion.of(
            key, token, observation: .answer(.sample("a"), checkedAt: open.wall()))
        completion.answeredAgo = .seconds(7)
        let reply = try await open.store.complete(completion)
        #expect(open.isOlder(reply.record.answer?.age, .seconds(7)))
    }

    // MARK: gap

    @Test(arguments: Case.all)
    func gapRunsFromTheEndBeforeToTheSending(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey.orders("a")
        func call(after wait: Int, sentAgo: Int?, _ gate: Completion.Gate) async throws
            -> CompletionReply
        {
            try await open.pass(.seconds(wait))
            let token = try await open.store.grant(.of(key))
            try await open.pass(.seconds(3))
            return try await open.store.complete(
                .of(key, token, gate, sentAgo: sentAgo.map { .seconds($0) }))
        }
        let ends = Completion.Gate.opens(in: .seconds(30))
        let first = try await call(after: 0, sentAgo: 2, ends)
        #expect(first.gap == nil && first.smallestGap == nil)
        // Reserved 40 s after the end, sent 1 s later.
        #expect(open.isAbout(try await call(after: 40, sentAgo: 2, ends).gap, .seconds(41)))
        // Nothing was sent: the next call's gap counts from the previous call.
        #expect(try await call(after: 30, sentAgo: nil, ends).gap == nil)
        let later = try await call(after: 30, sentAgo: 3, ends)
        #expect(open.isAbout(later.gap, .seconds(63)))
        #expect(open.isAbout(later.smallestGap, .seconds(41)))
        // A call that never certainly ended gives the next one no gap.
        _ = try await call(after: 30, sentAgo: 3, .staysHeld)
        #expect(try await call(after: 60, sentAgo: 3, ends).gap == nil)
        let gaps = try await open.store.smallestGaps()
        #expect(open.isAbout(gaps[.orders], .seconds(30)) && gaps[.vouchers] == nil)
        let read = try open.journal().smallestGaps()
        #expect(open.isAbout(read[.orders], .seconds(30)) && read[.vouchers] == nil)
    }

    @Test(arguments: Case.all)
    func manyActionsAreLookedUpAtOnce(_ kind: Case) async throws {
        let open = try await kind.open()
        let ids = (1...300).map { ActionID.sample("a\($0)") }
        let keys = [EntryKey.orders("a1"), .vouchers("a1"), .orders("a299")]
        for key in keys { _ = try await open.store.grant(.of(key)) }
        let records = try await open.store.lookUp(ids)
        expectEqual(records.map(\.key), keys)
        #expect(try await open.store.lookUp([]).isEmpty)
    }

    // MARK: journal

    @Test(arguments: Case.all)
    func journalListsCallsInTheOrderOfTheirGrants(_ kind: Case) async throws {
        let open = try await kind.open()
        try await open.makeKnown(["known"])
        try await open.pass(.seconds(1))
        let keys = [EntryKey.orders("known"), .vouchers("new"), .orders("lost"), .orders("held")]
        var tokens: [FencingToken] = []
        let day = [9, nil, nil, 9]
        for (key, perDay) in zip(keys, day) {
            tokens.append(try await open.store.grant(.of(key, perDay: perDay)))
        }
        try await open.pass(.seconds(3))
        try await open.store.complete(.of(keys[0], tokens[0], sentAgo: .seconds(2)))
        try await open.store.complete(.of(keys[1], tokens[1]))
        try await open.store.complete(.of(keys[3], tokens[3], .staysHeld, sentAgo: .seconds(2)))

        let calls = try open.journalCalls().suffix(4)
        #expect(calls.map(\.token) == tokens && calls.map(\.key) == keys)
        expectEqual(calls.map(\.state), [.ended, .ended, .underWay, .abandoned])
        expectEqual(calls.map(\.wasUnknown), [false, true, true, true])
        expectEqual(calls.map(\.wasNeverSent), [false, true, false, false])
        expectEqual(calls.map(\.outcome), ["answered", "answered", nil, "answered"])
        expectEqual(calls.map(\.limits), day.map { Reservation.of(keys[0], perDay: $0).limits })
        for (call, ended) in zip(calls, [3, 3, 13, 13]) {
            #expect(open.isNear(call.ended - call.reserved, .seconds(ended)))
            guard let sent = call.sent else { continue }
            #expect(open.isNear(sent - call.reserved, .seconds(1)))
        }
    }

    @Test(arguments: Case.all)
    func journalKeepsWhatTheDayWindowCountsAndAnHourMore(_ kind: Case) async throws {
        let open = try await kind.open()
        let retention = Retention(terminalTTL: .zero, staleMax: .zero, negativeMax: .zero)
        let token = try await open.store.grant(.of(.orders("a")))
        try await open.store.complete(.of(.orders("a"), token))
        try await open.pass(.seconds(86_400 + 3600))
        _ = try await open.store.purge(retention)
        try expectEqual(open.journalCalls().map(\.token), [token])
        try await open.pass(.seconds(1))
        _ = try await open.store.purge(retention)
        #expect(try open.journalCalls().isEmpty)
    }

    // MARK: purge and close

    @Test(arguments: Case.all)
    func purgeDropsByAgeButNeverAGateThatCouldBeShut(_ kind: Case) async throws {
        let open = try await kind.open()
        let done = ActionDocument.sample("done", .orders, .succeeded, isDone: true)
        let observation: [(String, Completion.Observation)] = [
            ("done", .answer(done, checkedAt: open.wall())),
            ("pending", .answer(.sample("p"), checkedAt: open.wall())),
            ("missed", .negative(.notFound)), ("bare", .none),
        ]
        for (id, observation) in observation {
            let token = try await open.store.grant(.of(.orders(id)))
            try await open.store.complete(
                .of(.orders(id), token, .opens(in: .zero), observation: observation))
        }
        _ = try await open.store.grant(.of(.orders("shut"), hold: .seconds(1_000_000)))
        let retention = Retention(
            terminalTTL: .seconds(90_000), staleMax: .seconds(3600), negativeMax: .seconds(600))
        func kept() async throws -> [String] {
            var kept: [String] = []
            for id in observation.map(\.0) + ["shut"] {
                let record = try await open.store.lookUp(.sample(id)).first
                if let record,
                    record.answer != nil || record.negative != nil || record.opensIn > .zero
                {
                    kept.append(id)
                }
            }
            return kept
        }
        // After 601 s: the bare gate, and the negative result with its gate.
        try await open.pass(.seconds(601))
        try await expectEqual(open.store.purge(retention), 3)
        try await expectEqual(kept(), ["done", "pending", "shut"])
        try await expectEqual(open.store.purge(retention), 0)
        // After an hour: the unfinished answer with its gate.
        try await open.pass(.seconds(3000))
        try await expectEqual(open.store.purge(retention), 2)
        // After 25 h: the finished one with its gate, and the five calls.
        try await open.pass(.seconds(90_000))
        try await expectEqual(open.store.purge(retention), 7)
        try await expectEqual(kept(), ["shut"])
        #expect(try await open.store.verdict(.of(.orders("shut"))).isGateShut)
    }

    @Test(arguments: Case.all)
    func closedStoreReportsThatItIsClosed(_ kind: Case) async throws {
        let open = try await kind.open()
        await open.store.close()
        await #expect(throws: StoreFailure.closed) {
            try await open.store.reserve(.of(.orders("a")))
        }
        await open.store.close()
    }

    @Test(arguments: Case.all)
    func closingComesAfterEarlierOperations(_ kind: Case) async throws {
        let open = try await kind.open()
        let order = Recorder()
        for number in 0..<200 {
            open.store.reserve(.of(.orders("a\(number)"))) { result in
                order.add((try? result.get().verdict.isGranted) == true ? "granted" : "not")
            }
        }
        await withCheckedContinuation { next in
            open.store.close {
                order.add("closed")
                next.resume()
            }
        }
        expectEqual(order.words, Array(repeating: "granted", count: 200) + ["closed"])
    }

    // MARK: Which sources there are

    @Test(arguments: Case.all)
    func sourceThatIsNewInAUsedStoreStartsPaused(_ kind: Case) async throws {
        let open = try await kind.open()
        let hold = Duration.seconds(50)
        let first = try await open.store.register([.orders: hold, .vouchers: hold])
        #expect(first.isEmpty)
        // A store without a source is not another one's: its sources are called immediately.
        _ = try await open.store.grant(.of(.orders("a1")))
        let renamed = Source.named("orders-new")
        _ = try await open.store.register([renamed: hold, .vouchers: hold])
        let key = EntryKey(renamed, .sample("a1"))
        guard case .paused(let opensIn) = try await open.store.reserve(.of(key)).verdict else {
            Issue.record("called at once")
            return
        }
        #expect(open.isAbout(opensIn, hold))
        _ = try await open.store.grant(.of(.vouchers("a2")))
        // Registering it again changes nothing.
        try await open.pass(.seconds(20))
        _ = try await open.store.register([renamed: hold])
        guard case .paused(let later) = try await open.store.reserve(.of(key)).verdict else {
            Issue.record("called too early")
            return
        }
        #expect(open.isAbout(later, .seconds(30)))
        try await open.pass(.seconds(31))
        _ = try await open.store.grant(.of(key))
    }

    @Test(arguments: Case.all)
    func returningSourceKeepsItsGatesAndBudgets(_ kind: Case) async throws {
        let open = try await kind.open()
        let key = EntryKey(.named("exports"), .sample("a1"))
        _ = try await open.store.register([key.source: .seconds(50)])
        _ = try await open.store.grant(.of(key))
        _ = try await open.store.register([.orders: .seconds(50)])
        _ = try await open.store.register([key.source: .seconds(50), .orders: .seconds(50)])
        let reply = try await open.store.reserve(.of(key))
        guard case .gateShut = reply.verdict else {
            Issue.record("the gate is open")
            return
        }
        expectEqual(reply.budgetLeft.minute, Reservation.of(key).budget.perMinute - 1)
        try await expectEqual(open.store.lookUp([key.id]).map(\.key), [key])
    }
}
