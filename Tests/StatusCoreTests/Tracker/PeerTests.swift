import TestSupport
import Testing

@testable import StatusCore

@Suite struct PeerTests {
    private let id = Shape.voucher
    private var key: EntryKey { EntryKey(.vouchers, .of(id)) }

    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    /// Another process reserves a call.
    private func reserveElsewhere(_ driver: inout TrackerDriver) {
        let policy = SourcePolicy.vouchers
        let request = Reservation(
            key: key, minInterval: policy.minInterval, hold: policy.hold,
            flightMax: policy.flightMax, budget: policy.budget)
        _ = driver.store.reserve(request, driver.now)
    }

    /// Another process's call ends with this state, now or a while ago, and the store sends a
    /// notification unless it gets lost.
    private func answerElsewhere(
        _ driver: inout TrackerDriver, _ status: ActionStatus, to id: String = Shape.voucher,
        ago: Duration = .zero, isNoticed: Bool = true
    ) {
        let interval = SourcePolicy.vouchers.minInterval + SourcePolicy.vouchers.slew
        let completion = Completion(
            key: EntryKey(.vouchers, .of(id)), token: FencingToken(99),
            gate: .opens(in: max(.zero, interval - ago)), pause: nil,
            sentAgo: .zero, answeredAgo: ago,
            observation: .answer(.of(status), checkedAt: WallTime(milliseconds: 0)),
            outcome: "answered")
        _ = driver.store.complete(completion, driver.now)
        if isNoticed { driver.step(.notified(.changed(.of(id)))) }
    }

    @Test func aPeersStateIsServedHere() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        answerElsewhere(&driver, .inProgress)
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
        expectEqual(driver.published[.of(id)]?.answer.document.status, .inProgress)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test func waitingCallerGetsAPeersState() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        let caller = driver.ask(id, patience: .done(deadline: driver.now + .seconds(50)))
        driver.advance(.seconds(20))
        answerElsewhere(&driver, .succeeded)
        expectEqual(driver.replies[caller].answer?.document.status, .succeeded)
    }

    @Test func aColdRequestWaitsForAPeersCall() {
        var driver = vouchersOnly()
        reserveElsewhere(&driver)
        let caller = driver.ask(id)
        driver.advance(.seconds(3))
        #expect(driver.replies[caller] == nil)
        answerElsewhere(&driver, .pending)
        expectEqual(driver.replies[caller].answer?.document.status, .pending)
        #expect(driver.callsMade.isEmpty)
    }

    @Test func aPeerThatDiedDuringACallIsNotWaitedForLonger() {
        var driver = vouchersOnly()
        reserveElsewhere(&driver)
        let caller = driver.ask(id)
        driver.advance(SourcePolicy.vouchers.flightMax - .milliseconds(500))
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(500))
        expectEqual(driver.replies[caller].problem?.sources.map(\.outcome), ["gate-shut"])
        #expect(driver.callsMade.isEmpty)
    }

    @Test func aWarmRequestWaitsForAPeersRefreshNoLongerThanForOurs() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        reserveElsewhere(&driver)
        driver.advance(.milliseconds(400))
        let caller = driver.ask(id)
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(600))
        expectEqual(driver.replies[caller].answer?.document.status, .pending)
    }

    @Test func aCallerIsNotHeldForOurRefreshAndThenForAPeers() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        driver.heldBack = [.reserve]
        let caller = driver.ask(id)
        driver.advance(.milliseconds(900))
        reserveElsewhere(&driver)
        driver.release()
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(100))
        expectEqual(driver.replies[caller].answer?.document.status, .pending)
    }

    @Test func aRefreshOfAnIDThatBecomesKnownLeavesTheUnknownQueue() {
        var driver = TrackerDriver()
        driver.store.verdicts = [
            .granted(FencingToken(7)), .budgetSpent(opensIn: .seconds(50), .minuteUnknown),
        ]
        // Held for the orders' answer.
        driver.ask(Shape.none, patience: .done(deadline: driver.now + .seconds(50)))
        expectEqual(driver.callsMade.map(\.source), [.orders])
        answerElsewhere(&driver, .pending, to: Shape.none, ago: .seconds(60))
        expectEqual(driver.callsMade.last, EntryKey(.vouchers, .of(Shape.none)))
    }

    @Test func aStoredFinalAnswerReplacesACall() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        let record = EntryRecord(
            key: key, opensIn: .seconds(-5), firstSeenAgo: .seconds(31), isKnown: true,
            answer: KeptAnswer(
                document: .of(.succeeded), checkedAt: WallTime(milliseconds: 0), age: .seconds(5)),
            negative: nil)
        driver.store.verdicts = [.gateShut(record)]
        expectEqual(driver.reply(to: id).answer?.document.status, .succeeded)
        driver.advance(.seconds(100))
        expectEqual(driver.reply(to: id).answer?.document.status, .succeeded)
        expectEqual(driver.callsMade.count, 1)
    }

    /// This process was stopped before it read the answer, and another one has called since.
    @Test func aNewerStateInACompletionsReplyReplacesAnOlderOne() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.heldBack = [.complete]
        driver.answer(.pending, answeredAgo: .seconds(60))
        driver.advance(.milliseconds(500))
        expectEqual(driver.reply(to: id).answer?.document.status, .pending)
        answerElsewhere(&driver, .inProgress, isNoticed: false)
        driver.advance(.seconds(15))
        driver.release()
        expectEqual(driver.store.completions.count, 2)
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
    }

    /// The reply arrives while the process is stopped: its state looks younger than it is, and even
    /// younger than what another process learns meanwhile.
    @Test func theStoresStateReplacesTheLateReadingOfAStoppedProcess() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        answerElsewhere(&driver, .inProgress, isNoticed: false)
        driver.heldBack = [.lookUp]
        driver.step(.notified(.changed(.of(id))))
        let late = driver.store.lookUp([.of(id)], driver.now)
        driver.now = driver.now + .seconds(5)
        answerElsewhere(&driver, .unknown, ago: .seconds(4), isNoticed: false)
        driver.heldBack = []
        driver.step(.reread([.of(id)], late))
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
        driver.step(.notified(.changed(.of(id))))
        expectEqual(driver.reply(to: id).answer?.document.status, .unknown)
        expectEqual(driver.callsMade.count, 1)
    }

    /// The store was set back, and its reply arrives while the process is stopped: its state looks
    /// younger than it is.
    @Test func aStateThatAStoppedProcessReadLateDoesNotReplaceANewerOne() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(5))
        let before = driver.store
        answerElsewhere(&driver, .inProgress)
        driver.advance(.seconds(1))
        driver.store = before
        driver.heldBack = [.lookUp]
        driver.step(.notified(.changed(.of(id))))
        let late = driver.store.lookUp([.of(id)], driver.now)
        driver.now = driver.now + .seconds(10)
        driver.heldBack = []
        driver.step(.reread([.of(id)], late))
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
    }

    @Test func aSlotIsNotUsedOnceAFinalStateIsKnown() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        driver.heldBack = [.reserve]
        let caller = driver.ask(id)
        answerElsewhere(&driver, .succeeded)
        // A store that has been wiped meanwhile knows no final state.
        driver.store.verdicts = [.granted(FencingToken(99))]
        driver.release()
        #expect(driver.store.verdicts.isEmpty)
        expectEqual(driver.callsMade.count, 1)
        expectEqual(driver.replies[caller].answer?.document.status, .succeeded)
        expectEqual(driver.store.completions.last?.gate, .opens(in: .zero))
    }

    @Test func aFinishedAnswerIsServedForAsLongAsTheStoreKeepsIt() {
        var driver = vouchersOnly()
        // A finished answer that has expired but not been purged.
        let record = EntryRecord(
            key: key, opensIn: .zero, firstSeenAgo: .seconds(90_000), isKnown: true,
            answer: KeptAnswer(
                document: .of(.succeeded), checkedAt: WallTime(milliseconds: 0),
                age: .seconds(90_000)),
            negative: nil)
        driver.store.verdicts = Array(repeating: .gateShut(record), count: 100)
        for _ in 0..<20 {
            if driver.published[.of(id)].map({ $0.servableUntil <= driver.now }) ?? true {
                expectEqual(driver.reply(to: id).answer?.document.status, .succeeded)
            }
            driver.advance(.milliseconds(100))
        }
        #expect(driver.store.verdicts.count >= 97)
        #expect(driver.callsMade.isEmpty)
    }

    /// Large budgets, so that a test can learn any number of actions at once.
    private func many() -> TrackerDriver {
        var vouchers = SourcePolicy.vouchers
        vouchers.budget = BudgetLimits(perMinute: 10_000, perDay: nil)
        return TrackerDriver(.both(orders: nil, vouchers: vouchers, actionsMax: 10_000))
    }

    @Test func manyNotificationsCauseOneLookUp() {
        var driver = many()
        let ids = (1...200).map { "aa_\($0)" }
        for id in ids { driver.learn(id) }
        driver.heldBack = [.lookUp]
        driver.step(.notified(.changed(.of("aa_1"))))
        driver.step(.notified(.changed(.of("aa_2"))))
        for id in ids.dropFirst(2) { driver.step(.notified(.changed(.of(id)))) }
        let first = driver.rereads
        expectEqual(first.map(\.count), [1, 1], "at once, as long as there is room")
        driver.release()
        expectEqual(driver.rereads.map(\.count), [1, 1, 198])
        expectEqual(Set(driver.rereads.joined()), Set(ids.map { ActionID.of($0) }))
    }

    @Test func afterLostNotificationsHeldActionsAreReadFirst() {
        var driver = many()
        for number in 1...700 { driver.learn("aa_\(number)") }
        driver.ask("aa_700", patience: .done(deadline: driver.now + .seconds(50)))
        driver.heldBack = [.lookUp]
        driver.step(.notified(.missed))
        expectEqual(driver.rereads.map(\.count), [RereadQueue.batchMax, RereadQueue.batchMax])
        expectEqual(driver.rereads.first?.first, .of("aa_700"))
        driver.release()
        expectEqual(driver.rereads.joined().count, 700)
    }

    @Test func anotherFailedOperationDoesNotDelayReReads() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(1))
        driver.ask("aa_2")
        driver.store.refusesCompletions = true
        driver.answer(.pending)
        answerElsewhere(&driver, .inProgress, isNoticed: false)
        driver.store.refusesCompletions = false
        answerElsewhere(&driver, .inProgress)
        expectEqual(driver.published[.of(id)]?.answer.document.status, .inProgress)
    }

    /// A look-up too large for the store's deadline is split, and nothing waits for long.
    @Test func aReReadThatFailsIsTriedAgainInParts() {
        var driver = many()
        let ids = (1...100).map { "aa_\($0)" }
        for id in ids { driver.learn(id) }
        driver.store.lookedUp = []
        driver.store.lookUpMax = 30
        driver.step(.notified(.missed))
        driver.advance(.seconds(1))
        #expect(driver.store.lookedUp.isSuperset(of: ids.map { ActionID.of($0) }))
    }

    @Test func aStoppingProcessStillReceivesChanges() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(1))
        driver.drain()
        answerElsewhere(&driver, .inProgress)
        expectEqual(driver.published[.of(id)]?.answer.document.status, .inProgress)
    }

    @Test func aFinishedActionIsNotReadAgain() {
        var driver = vouchersOnly()
        driver.learn(id, .succeeded)
        #expect(driver.tracker.step(.notified(.changed(.of(id))), now: driver.now).isEmpty)
        #expect(driver.tracker.step(.notified(.missed), now: driver.now).isEmpty)
        #expect(driver.tracker.step(.notified(.changed(.of("aa_9"))), now: driver.now).isEmpty)
    }

    @Test func aNotificationDuringALookUpRepeatsIt() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.heldBack = [.lookUp]
        driver.step(.notified(.changed(.of(id))))
        let stale = driver.store.lookUp([.of(id)], driver.now)
        driver.advance(.milliseconds(100))
        answerElsewhere(&driver, .inProgress)
        driver.heldBack = []
        driver.step(.reread([.of(id)], stale))
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
    }

    @Test func aReReadThatFailsIsRepeatedWhenTheStoreIsBack() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.store.isDown = true
        driver.step(.notified(.changed(.of(id))))
        driver.store.isDown = false
        driver.advance(.milliseconds(100))
        answerElsewhere(&driver, .inProgress, isNoticed: false)
        driver.advance(.seconds(1))
        expectEqual(driver.published[.of(id)]?.answer.document.status, .inProgress)
    }

    @Test func aLateLookUpIsAFailureOfTheStore() {
        var driver = vouchersOnly()
        driver.heldBack = [.lookUp]
        let caller = driver.ask(id)
        driver.advance(.seconds(13))
        let problem = driver.replies[caller].problem
        expectEqual(problem?.code, .storeUnavailable)
        expectEqual(problem?.sources.map(\.outcome), ["store-unavailable"])
    }

    @Test func aWaitEndsAtItsDeadlineDuringARefresh() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(29))
        let deadline = driver.now + .milliseconds(1500)
        let caller = driver.ask(id, patience: .done(deadline: deadline))
        driver.advance(.milliseconds(1500))
        expectEqual(driver.callsMade.count, 2)
        expectEqual(driver.replies[caller].answer?.document.status, .pending)
    }

    @Test func aDeferredRefreshIsDroppedWhenAFinalStateArrives() {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        driver.store.verdicts = [.paused(opensIn: .seconds(10))]
        driver.ask(id)
        answerElsewhere(&driver, .succeeded)
        driver.advance(.seconds(20))
        expectEqual(driver.callsMade.count, 1)
    }
}
