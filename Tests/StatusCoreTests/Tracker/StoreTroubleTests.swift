import TestSupport
import Testing

@testable import StatusCore

@Suite struct StoreTroubleTests {
    private let id = Shape.voucher

    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    @Test func withoutTheStoreThereAreNoCallsAndAnswersAreStillServed() {
        var driver = vouchersOnly()
        driver.learn(id)
        driver.advance(.seconds(31))
        driver.store.isDown = true
        let caller = driver.ask(id)
        expectEqual(driver.replies[caller].answer?.staleReason, .storeUnavailable)
        let unknown = driver.reply(to: "aa_2").problem
        expectEqual(unknown?.code, .storeUnavailable)
        expectEqual(unknown?.sources.map(\.outcome), ["store-unavailable"])
        expectEqual(unknown?.retryAt, driver.now + .seconds(1))
        driver.advance(.seconds(30))
        expectEqual(driver.callsMade.count, 1)
        driver.store.isDown = false
        driver.advance(.seconds(2))
        expectEqual(driver.callsMade.count, 2, "it recovers by itself")
    }

    @Test func aSilentStoreHoldsNobodyLongerThanACall() {
        var vouchers = SourcePolicy.vouchers
        vouchers.callDeadline = .seconds(3)
        var driver = TrackerDriver(.both(vouchers: vouchers))
        driver.heldBack = [.lookUp]
        let named = driver.ask(id, source: .vouchers)
        let unnamed = driver.ask(id)
        let policy = driver.tracker.policy
        driver.advance(policy.coldWait(.vouchers))
        expectEqual(driver.replies[named].problem?.sources.map(\.outcome), ["store-unavailable"])
        #expect(driver.replies[unnamed] == nil)
        driver.advance(policy.coldWait(.orders) - policy.coldWait(.vouchers))
        #expect(driver.replies[unnamed].problem != nil)
    }

    @Test func anActionThatCouldNotBeLookedUpIsLookedUpAgain() {
        var driver = vouchersOnly()
        driver.learn(id, .succeeded)
        driver.restart(.both(orders: nil))
        driver.store.isDown = true
        expectEqual(driver.reply(to: id).problem?.code, .storeUnavailable)
        driver.store.isDown = false
        driver.advance(.seconds(1))
        expectEqual(driver.reply(to: id).answer?.document.status, .succeeded)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test func inQuarantineThereAreNoCalls() {
        var driver = vouchersOnly()
        driver.store.verdicts = [.quarantined(opensIn: .seconds(43))]
        let caller = driver.ask(id)
        let problem = driver.replies[caller].problem
        expectEqual(problem?.code, .storeUnavailable)
        expectEqual(problem?.sources.map(\.outcome), ["store-quarantined"])
        expectEqual(problem?.retryAt, driver.now + .seconds(43))
        driver.advance(.seconds(42))
        driver.ask("aa_2")
        #expect(driver.calls.isEmpty)
        driver.advance(.seconds(1))
        expectEqual(driver.calls.count, 2)
    }

    @Test func aLateGrantIsDropped() {
        var driver = vouchersOnly()
        driver.heldBack = [.reserve]
        let caller = driver.ask(id)
        driver.advance(GateTiming.sendWindow)
        driver.leave(caller)
        driver.release()
        #expect(driver.callsMade.isEmpty)
        expectEqual(driver.store.completions.map(\.gate), [.opens(in: .zero)])
        expectEqual(driver.store.completions.map(\.sentAgo), [nil])
    }

    @Test func theSendWindowCountsFromBeforeTheReservation() {
        var driver = vouchersOnly()
        driver.heldBack = [.reserve]
        let asked = driver.now
        driver.ask(id)
        driver.advance(.milliseconds(1500))
        driver.release()
        expectEqual(driver.calls.map(\.sendBefore), [asked + GateTiming.sendWindow])
    }

    @Test func aSlowCompletionDoesNotWithholdTheState() {
        var driver = vouchersOnly()
        let caller = driver.ask(id)
        driver.heldBack = [.complete]
        driver.answer(.inProgress)
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(500))
        expectEqual(driver.replies[caller].answer?.document.status, .inProgress)
        driver.advance(.seconds(120))
        driver.ask(id)
        expectEqual(driver.callsMade.count, 1, "the flight is not over before it is completed")
        driver.release()
        driver.ask(id)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test func anUnrecordedStateIsServedAndTheGateStaysHeld() {
        var driver = vouchersOnly()
        let caller = driver.ask(id)
        driver.store.refusesCompletions = true
        driver.answer(.inProgress)
        expectEqual(driver.replies[caller].answer?.document.status, .inProgress)
        driver.advance(.seconds(42))
        driver.ask(id)
        expectEqual(driver.callsMade.count, 1)
        driver.advance(.seconds(1))
        driver.ask(id)
        expectEqual(driver.callsMade.count, 2)
    }

    @Test func aFailedCompletionIsRepeatedUntilItIsRecorded() throws {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.store.isDown = true
        driver.answer(.succeeded)
        driver.advance(.milliseconds(12_500))
        driver.store.isDown = false
        driver.advance(.seconds(1))
        let completion = try #require(driver.store.completions.first)
        expectEqual(driver.store.completions.count, 1)
        expectEqual(completion.answeredAgo, .seconds(13))
        expectEqual(completion.sentAgo, .seconds(13))
        let interval = SourcePolicy.vouchers.minInterval + SourcePolicy.vouchers.slew
        expectEqual(completion.gate, .opens(in: interval - .seconds(13)))
        expectEqual(driver.store.rows[EntryKey(.vouchers, .of(id))]?.answer?.document.isDone, true)
        driver.advance(.seconds(60))
        expectEqual(driver.store.completions.count, 1)
        expectEqual(driver.tracker.flights, 0)
    }

    /// The other actions get the rest of an upstream's hour of pause.
    @Test func anUnrecordedPauseIsRepeated() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.store.isDown = true
        driver.fail(.throttled, http: 429, hints: RateHints(retryAfter: .seconds(3600)))
        driver.advance(.seconds(600))
        #expect(driver.store.completions.isEmpty)
        driver.store.isDown = false
        driver.advance(.seconds(1))
        expectEqual(driver.store.completions.map(\.pause), [.seconds(2999)])
        guard case .negative(let negative)? = driver.store.completions.first?.observation else {
            Issue.record("no negative result")
            return
        }
        expectEqual(negative.age, .seconds(601))
    }

    @Test func aPauseThatIsOverIsNotRepeated() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.store.isDown = true
        driver.fail(.throttled, http: 429, hints: RateHints(retryAfter: .seconds(60)))
        driver.advance(.seconds(61))
        driver.store.isDown = false
        driver.advance(.seconds(10))
        #expect(driver.store.completions.isEmpty)
    }

    /// An operation that keeps failing while all others succeed would fail forever.
    @Test func aCompletionThatIsRefusedWhileTheStoreWorksIsGivenUp() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.store.refusesCompletions = true
        driver.answer(.inProgress)
        for number in 1...10 {
            driver.advance(.seconds(1))
            driver.ask("aa_\(number)")
        }
        driver.store.refusesCompletions = false
        driver.advance(.seconds(20))
        #expect(driver.store.completions.isEmpty)
        expectEqual(driver.tracker.flights, driver.calls.count)
    }

    @Test func aStoppingProcessRepeatsCompletionsOnceMore() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.store.isDown = true
        driver.answer(.succeeded)
        driver.heldBack = [.complete]
        driver.drain()
        expectEqual(driver.tracker.flights, 1)
        driver.store.isDown = false
        driver.release()
        expectEqual(driver.store.completions.count, 1)
        expectEqual(driver.tracker.flights, 0)
    }

    /// The store has another replica's answer of that age, and a closed gate.
    private func reread(
        _ status: ActionStatus, at wall: WallTime, ago: Duration, after: ActionStatus
    ) -> TrackerDriver {
        var driver = vouchersOnly()
        driver.learn(id, after)
        driver.advance(.seconds(31))
        let key = EntryKey(.vouchers, .of(id))
        driver.store.rows[key]?.opens = driver.now + .seconds(20)
        driver.store.rows[key]?.answer = (.of(status), wall, driver.now - ago)
        return driver
    }

    private static let ahead = WallTime(milliseconds: .max / 4)
    private static let behind = WallTime(milliseconds: 0)

    /// Whatever the other replica's wall clock showed.
    @Test(arguments: [ahead, behind])
    func aShutGatesRecordHasAPeersState(wall: WallTime) {
        var driver = reread(.inProgress, at: wall, ago: .seconds(10), after: .pending)
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test(arguments: [ahead, behind])
    func anOlderRecordIsIgnored(wall: WallTime) {
        var driver = reread(.pending, at: wall, ago: .seconds(50), after: .inProgress)
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
    }

    @Test func aMissingCredentialIsReportedAndTriedAgainASecondLater() {
        var driver = vouchersOnly()
        driver.credentialFault = UpstreamFault(kind: .tokenRefused, message: "no")
        let caller = driver.ask(id)
        expectEqual(driver.replies[caller].problem?.code, .upstreamError)
        expectEqual(driver.replies[caller].problem?.retryAt, driver.now + .seconds(1))
        driver.credentialFault = nil
        driver.advance(.seconds(1))
        expectEqual(driver.callsMade.count, 1)
    }
}

@Suite struct EvictionTests {
    @Test func evictionForgetsNothingThatTheStoreHas() {
        let policy = TrackerPolicy.both(orders: nil, actionsMax: 4)
        var driver = TrackerDriver(policy)
        let names = (1...40).map { "aa_\($0)" }
        for name in names { driver.learn(name, .inProgress) }
        #expect(driver.tracker.storedActions <= 6)
        for name in names {
            expectEqual(driver.reply(to: name).answer?.document.status, .inProgress)
        }
        expectEqual(driver.callsMade.count, 40)
        #expect(driver.published.count <= 6, "what is forgotten is withdrawn")
    }

    /// With finished states, which are most of what is kept, and with others.
    @Test(arguments: [ActionStatus.succeeded, .inProgress])
    func statesAreEvictedBeyondTheBytes(status: ActionStatus) {
        let size = ActionDocument.of(status).bytes.count
        var driver = TrackerDriver(.both(orders: nil, bytesMax: 8 * size))
        let names = (10...49).map { "aa_\($0)" }
        for name in names {
            driver.learn(name, status)
            #expect(driver.tracker.storedBytes <= 10 * size)
        }
        #expect(driver.tracker.storedActions >= 4)
        for name in names {
            expectEqual(driver.reply(to: name).answer?.document.status, status)
        }
        expectEqual(driver.callsMade.count, 40)
    }

    @Test func compressedFormsCountAsBytes() {
        var driver = TrackerDriver(.both(orders: nil, bytesMax: 100_000))
        driver.learn("aa_1", .succeeded)
        driver.learn("aa_2", .succeeded)
        let plain = driver.tracker.storedBytes
        let published = driver.published[.of("aa_1")]?.answer.document
        _ = published?.keep(
            CompressedState(bytes: [UInt8](repeating: 0, count: 50_000), checksum: 0))
        driver.step(.compressed(.of("aa_1")))
        expectEqual(driver.tracker.storedBytes, plain + 50_000)
        _ = driver.published[.of("aa_2")]?.answer.document.keep(
            CompressedState(bytes: [UInt8](repeating: 0, count: 60_000), checksum: 0))
        driver.step(.compressed(.of("aa_2")))
        expectEqual(driver.tracker.storedActions, 1)
        #expect(driver.tracker.storedBytes <= 100_000)
        expectEqual(driver.reply(to: "aa_1").answer?.document.status, .succeeded)
        expectEqual(driver.callsMade.count, 2)
    }

    /// One larger than the whole limit is still answered.
    @Test func aStateBeyondTheBoundIsServed() {
        var driver = TrackerDriver(.both(orders: nil, bytesMax: 1))
        driver.learn("aa_1", .succeeded)
        expectEqual(driver.reply(to: "aa_1").answer?.document.status, .succeeded)
        expectEqual(driver.callsMade.count, 1)
        expectEqual(driver.tracker.storedBytes, 0)
    }

    @Test func idsWithoutALookUpEvictNothing() {
        var driver = TrackerDriver(.both(orders: nil, actionsMax: 2))
        driver.learn("aa_1", .succeeded)
        driver.learn("aa_2", .pending)
        driver.store.isDown = true
        for number in 0..<20 {
            driver.ask("aa_cold\(number % 3)")
            driver.advance(.milliseconds(1_100))
        }
        #expect(driver.published[.of("aa_1")] != nil)
        expectEqual(driver.reply(to: "aa_2").answer?.document.status, .pending)
    }

    @Test func actionsInUseAreNotEvicted() {
        var driver = TrackerDriver(.both(orders: nil, actionsMax: 1))
        let callers = (1...10).map { driver.ask("aa_\($0)") }
        for _ in callers { driver.answer(.pending) }
        #expect(callers.allSatisfy { driver.replies[$0].answer != nil })
    }

    @Test func anUnrecordedStateIsNotEvicted() {
        var driver = TrackerDriver(.both(orders: nil, actionsMax: 1))
        driver.learn("aa_1", .pending)
        driver.advance(.seconds(31))
        driver.ask("aa_1")
        driver.store.isDown = true
        driver.answer(.inProgress)
        driver.store.isDown = false
        driver.advance(.seconds(2))
        for number in 2...20 { driver.learn("aa_\(number)") }
        expectEqual(driver.reply(to: "aa_1").answer?.document.status, .inProgress)
    }
    @Test func anUnrecordedStateOutlivesALaterRecordedFailure() {
        var driver = TrackerDriver(.both(orders: nil, actionsMax: 1))
        driver.learn("aa_1", .pending)
        driver.advance(.seconds(31))
        driver.ask("aa_1")
        driver.store.isDown = true
        driver.answer(.inProgress)
        driver.store.isDown = false
        driver.advance(.seconds(100))
        driver.ask("aa_1")
        driver.fail(.serverError)
        for number in 2...20 { driver.learn("aa_\(number)") }
        expectEqual(driver.reply(to: "aa_1").answer?.document.status, .inProgress)
    }
}
