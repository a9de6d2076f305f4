// One call of the upstream's list in place of many calls for single actions.

import Testing

@testable import StatusCore

@Suite struct ListTests {
    static let vouchers = SourcePolicy(
        minInterval: .seconds(30), maxInterval: .seconds(300), callDeadline: .seconds(10),
        budget: BudgetLimits(perMinute: 60, perDay: 2400), listsFrom: 10)
    static let listKey = LookKey(.vouchers, .list)

    static func ids(_ count: Int) -> [String] { (0..<count).map { "aa_\($0)" } }
    static func pending(_ revision: Int = 0) -> ActionDocument {
        .of(.pending, revision: revision)
    }

    /// So many known pending actions, whose gates are about to open.
    private func world(_ count: Int) -> TrackerDriver {
        var driver = TrackerDriver(.both(vouchers: Self.vouchers))
        for id in Self.ids(count) { driver.learn(id) }
        return driver
    }

    /// Somebody waits for each of them, so that all are due when their gates open.
    @discardableResult
    private func watch(_ driver: inout TrackerDriver, _ count: Int) -> [CallerID] {
        let deadline = driver.now + .seconds(3600)
        return Self.ids(count).map { driver.ask($0, patience: .done(deadline: deadline)) }
    }

    private func calls(_ driver: TrackerDriver, since count: Int) -> [LookKey] {
        Array(driver.callsMade.dropFirst(count))
    }

    @Test func tenDueActionsCostOneCallOfTheList() throws {
        var driver = world(10)
        let before = driver.callsMade.count
        watch(&driver, 10)
        driver.advance(.seconds(31))
        #expect(calls(driver, since: before) == [Self.listKey])
        driver.list(Self.ids(10).map { ($0, Self.pending()) })
        driver.advance(.seconds(29))
        #expect(calls(driver, since: before) == [Self.listKey])
        // The news is as good as from ten calls: the age, the slot, and what is published.
        for id in Self.ids(10) {
            let answer = try #require(driver.published[.of(id)]?.answer)
            #expect(driver.now - answer.answeredAt <= .seconds(30))
        }
        driver.advance(.seconds(2))
        #expect(calls(driver, since: before) == [Self.listKey, Self.listKey])
    }

    @Test func nineDueActionsMakeTheirOwnCalls() {
        var driver = world(9)
        let before = driver.callsMade.count
        watch(&driver, 9)
        driver.advance(.seconds(31))
        #expect(calls(driver, since: before).count == 9)
        #expect(!calls(driver, since: before).contains(Self.listKey))
    }

    @Test func whoIsHeldForTheListComesFirstWhenItDidNotTell() {
        var policy = Self.vouchers
        policy.listsFrom = 1
        var driver = TrackerDriver(.both(orders: nil, vouchers: policy))
        for id in ["aa_older", "aa_held"] {
            driver.learn(id)
            driver.advance(.seconds(1))
        }
        driver.advance(.seconds(31))
        // After a pause the list goes first, and the wish that it is called for is nobody's any more.
        driver.store.verdicts = [.paused(opensIn: .milliseconds(500))]
        driver.ask("aa_held")
        driver.advance(.milliseconds(500))
        #expect(driver.callsMade.last == Self.listKey)
        driver.ask("aa_older")
        let caller = driver.ask("aa_held")
        #expect(driver.replies[caller] == nil)
        driver.list([])
        #expect(driver.callsMade.suffix(2).map(\.id.text) == ["aa_held", "aa_older"])
        driver.answer(.inProgress)
        #expect(driver.replies[caller].answer?.document.status == .inProgress)
    }

    @Test func tenCallsWithinAnIntervalAreAsGoodAReasonAsTenAtOnce() {
        var driver = TrackerDriver(.both(vouchers: Self.vouchers))
        let deadline = driver.now + .seconds(3600)
        for id in Self.ids(25) {
            driver.ask(id, patience: .done(deadline: deadline))
            driver.answer()
            driver.advance(.seconds(1))
        }
        // They are due one after the other; with the tenth the list tells them all.
        let before = driver.callsMade.count
        for _ in 0..<9 {
            while driver.calls.isEmpty { driver.advance(.milliseconds(100)) }
            driver.answer()
        }
        while driver.calls.isEmpty { driver.advance(.milliseconds(100)) }
        #expect(
            calls(driver, since: before).map(\.isList) == Array(repeating: false, count: 9) + [
                true
            ])
        driver.list(Self.ids(25).map { ($0, Self.pending()) })
        for _ in 0..<3 {
            driver.advance(.seconds(31))
            #expect(driver.calls.map(\.key) == [Self.listKey])
            driver.list(Self.ids(25).map { ($0, Self.pending()) })
        }
        #expect(calls(driver, since: before).count == 13)
    }

    @Test func anUpstreamWithoutAListIsAskedForEach() {
        var driver = TrackerDriver()
        for id in Self.ids(12) { driver.learn(id) }
        let before = driver.callsMade.count
        watch(&driver, 12)
        driver.advance(.seconds(31))
        #expect(calls(driver, since: before).count == 12)
    }

    @Test func whatEndedChangedOrIsMissingGetsItsOwnCallAtOnce() {
        var driver = world(12)
        let watchers = watch(&driver, 12)
        driver.advance(.seconds(31))
        let before = driver.callsMade.count
        var items = Self.ids(12).map { ($0, Self.pending()) }
        items[0].1 = .of(.succeeded)
        items[1].1 = Self.pending(7)
        items.remove(at: 2)
        driver.list(items)
        #expect(Set(calls(driver, since: before).map(\.id.text)) == ["aa_0", "aa_1", "aa_2"])
        // The list is no source of states: nobody is told of the end before its own call tells.
        #expect(driver.replies[watchers[0]] == nil)
        driver.answer(.succeeded)
        #expect(
            driver.replies.values.contains { reply in
                if case .answer(let answer) = reply { answer.document.isDone } else { false }
            })
    }

    @Test func anActionThatTheListDoesNotShowIsNotLeftToItAgain() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        driver.list([])
        #expect(driver.calls.count == 10)
        for _ in 0..<10 { driver.answer() }
        let before = driver.callsMade.count
        driver.advance(.seconds(31))
        #expect(!calls(driver, since: before).contains(Self.listKey))
        #expect(calls(driver, since: before).count == 10)
    }

    @Test func anActionThatChangedIsLeftToTheListAgain() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        driver.list(Self.ids(10).map { ($0, Self.pending(1)) })
        for _ in 0..<10 { driver.answer(revision: 1) }
        let before = driver.callsMade.count
        driver.advance(.seconds(31))
        #expect(calls(driver, since: before) == [Self.listKey])
    }

    @Test func aFailedListLeavesTheirOwnCallsToThem() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        let before = driver.callsMade.count
        driver.fail(.serverError, http: 503)
        #expect(calls(driver, since: before).count == 10)
        #expect(!calls(driver, since: before).contains(Self.listKey))
        for _ in 0..<10 { driver.answer() }
        // A list that keeps failing is asked for less and less often.
        driver.advance(.seconds(31))
        driver.fail(.unexpectedStatus, http: 404)
        for _ in 0..<10 { driver.answer() }
        driver.advance(.seconds(31))
        #expect(driver.callsMade.count { $0 == Self.listKey } == 2)
    }

    @Test func otherLooksDoNotWaitForTheList() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        #expect(driver.calls.map(\.key) == [Self.listKey])
        driver.ask("aa_new")
        #expect(driver.calls.map(\.key.id.text) == ["*", "aa_new"])
    }

    @Test func aLookThatBecomesDueMeanwhileWaitsForTheListUnderWay() {
        var driver = world(10)
        driver.advance(.seconds(10))
        driver.learn("aa_10")
        driver.advance(.seconds(20))
        watch(&driver, 11)
        driver.advance(.seconds(1))
        #expect(driver.calls.map(\.key) == [Self.listKey])
        driver.advance(.seconds(9) + .milliseconds(500))
        #expect(driver.calls.map(\.key) == [Self.listKey])
        driver.list(Self.ids(11).map { ($0, Self.pending()) })
        #expect(driver.calls.isEmpty)
    }

    @Test func aListOlderThanTheNewsChangesNothing() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        // Another process's news comes while the list is under way.
        let key = LookKey(.vouchers, .of("aa_3"))
        driver.advance(.seconds(1))
        let wall = WallTime(milliseconds: 5)
        driver.store.rows[key]?.answer = (Self.pending(5), wall, driver.now)
        driver.store.rows[key]?.opens = driver.now + .seconds(30)
        driver.step(.noticed(.changed(key.id)))
        let before = driver.callsMade.count
        driver.list(Self.ids(10).map { ($0, $0 == "aa_3" ? Self.pending(5) : Self.pending()) })
        #expect(calls(driver, since: before).isEmpty)
        #expect(driver.published[key.id]?.answer.document == Self.pending(5))
    }

    /// The other way round: the list was sent before another process's call was answered.
    @Test func newsFromAfterTheListWasSentIsNewerThanTheList() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        let key = LookKey(.vouchers, .of("aa_3"))
        driver.advance(.milliseconds(300))
        let news = (Self.pending(5), WallTime(milliseconds: 5), driver.now)
        driver.advance(.milliseconds(100))
        driver.list(Self.ids(10).map { ($0, Self.pending()) })
        driver.store.rows[key]?.answer = news
        driver.step(.noticed(.changed(key.id)))
        #expect(driver.published[key.id]?.answer.document == Self.pending(5))
    }

    /// Many that the list does not show want each call that the budget allows.
    @Test func underAShortBudgetTheListHasTheTurnOfTheOldestItTells() throws {
        var driver = world(30)
        watch(&driver, 30)
        let listed = Self.ids(10).map { ($0, Self.pending()) }
        driver.advance(.seconds(31))
        driver.list(listed)
        while !driver.calls.isEmpty { driver.answer() }
        driver.store.grantSpacing = .seconds(2)
        let before = driver.callsMade.count
        for _ in 0..<2000 {
            driver.advance(.milliseconds(100))
            guard let call = driver.calls.first else { continue }
            if call.key.isList { driver.list(listed) } else { driver.answer() }
        }
        let made = calls(driver, since: before)
        #expect(made.count { $0.isList } >= 4)
        for id in Self.ids(30) {
            let answer = try #require(driver.published[.of(id)]?.answer)
            #expect(driver.now - answer.answeredAt < .seconds(80), "\(id)")
        }
    }

    @Test func whileTheListHangsTheStoredStateIsToldAsStaleByEverybody() throws {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(33))
        #expect(driver.calls.map(\.key) == [Self.listKey])
        let id = ActionID.of("aa_3")
        let answer = try #require(driver.published[id]?.answer)
        #expect(answer.staleReason == .slow)
        #expect(try #require(answer.nextLookAt) > driver.now)
        #expect(driver.reply(to: id.text).answer?.staleReason == .slow)
    }

    @Test func whoIsHeldForTheListIsLetGoWhenItIsDenied() {
        var driver = world(10)
        driver.advance(.seconds(31))
        driver.store.verdicts = [.paused(opensIn: .seconds(20))]
        driver.heldBack = [.reserve]
        let callers = Self.ids(10).map { driver.ask($0) }
        #expect(callers.allSatisfy { driver.replies[$0] == nil })
        driver.release()
        // The list was asked for in vain, or each of the first for itself.
        #expect(callers.allSatisfy { driver.replies[$0].answer?.staleReason == .throttled })
    }

    @Test func anActionThatWasMissingIsLeftToTheListAgainAfterAWhile() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        driver.list([])
        while !driver.calls.isEmpty { driver.answer() }
        for _ in 0..<40 {
            driver.advance(.seconds(8))
            while driver.calls.first?.key.isList == false { driver.answer() }
        }
        #expect(driver.calls.map(\.key) == [Self.listKey])
    }

    @Test func theGateOfTheListIsTheStores() {
        var driver = world(10)
        watch(&driver, 10)
        // Another replica has called it just now.
        driver.advance(.seconds(29))
        driver.store.rows[Self.listKey] = PaperStore.Row(
            opens: driver.now + .seconds(20), firstSeen: driver.now)
        let before = driver.callsMade.count
        driver.advance(.seconds(2))
        #expect(calls(driver, since: before).count == 10)
        #expect(!calls(driver, since: before).contains(Self.listKey))
    }

    @Test func aListThatAnotherReplicaIsCallingIsWaitedFor() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(29))
        driver.store.rows[Self.listKey] = PaperStore.Row(
            opens: driver.now + Self.vouchers.hold, firstSeen: driver.now)
        let before = driver.callsMade.count
        driver.advance(.seconds(2))
        #expect(calls(driver, since: before).isEmpty)
        // Its news comes as the others' news does.
        for id in Self.ids(10) {
            let key = LookKey(.vouchers, .of(id))
            driver.store.rows[key]?.answer?.told = driver.now
            driver.store.rows[key]?.opens = driver.now + .seconds(30)
            driver.step(.noticed(.changed(key.id)))
        }
        driver.store.rows[Self.listKey]?.opens = driver.now + .seconds(30)
        driver.step(.noticed(.changed(.list)))
        driver.advance(.seconds(29))
        #expect(calls(driver, since: before).isEmpty)
        driver.advance(.seconds(2))
        #expect(calls(driver, since: before) == [Self.listKey])
    }

    @Test func theListIsNoActionThatIsKept() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        #expect(driver.tracker.storedActions == 10)
        #expect(ActionID("*") == nil)
        #expect(ActionID.kept("*") == .list)
        #expect(ActionID.kept("aa_1") == ActionID("aa_1"))
    }

    @Test func refreshesOutliveTheProcess() {
        var driver = world(10)
        watch(&driver, 10)
        driver.advance(.seconds(31))
        driver.list(Self.ids(10).map { ($0, Self.pending()) })
        driver.restart(.both(vouchers: Self.vouchers))
        let before = driver.callsMade.count
        watch(&driver, 10)
        driver.advance(.seconds(29))
        #expect(calls(driver, since: before).isEmpty)
        driver.advance(.seconds(2))
        #expect(calls(driver, since: before) == [Self.listKey])
    }
}
