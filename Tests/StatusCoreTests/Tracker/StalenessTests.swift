import TestSupport
import Testing

@testable import StatusCore

/// At any instant all routes report the same age of an answer (spec section 2).
@Suite struct StalenessTests {
    /// What blocks calls to the vouchers.
    enum Trouble: CaseIterable {
        case pause, spentMinute, spentDay, noCallsLeft, lastCallTaken, openBreaker, peersBreaker
        case noToken, refusedToken, outOfResources, storeDown, quarantine, draining

        var reason: StaleReason {
            switch self {
            case .pause, .noCallsLeft, .lastCallTaken: .throttled
            case .spentMinute, .spentDay: .budgetSpent
            case .openBreaker, .peersBreaker: .breakerOpen
            case .noToken, .draining: .unavailable
            case .refusedToken: .error
            case .outOfResources: .overloaded
            case .storeDown, .quarantine: .storeUnavailable
            }
        }

        /// What an explanation calls it.
        var block: String {
            switch self {
            case .pause, .noCallsLeft: "paused"
            case .spentMinute: "budget-spent-minute"
            case .spentDay: "budget-spent-day"
            case .lastCallTaken: "upstream-limit"
            case .openBreaker, .peersBreaker: "breaker-open"
            case .noToken: "token-unavailable"
            case .refusedToken: "token-refused"
            case .outOfResources: "out-of-resources"
            case .storeDown: "store-unavailable"
            case .quarantine: "store-quarantined"
            case .draining: "draining"
            }
        }
    }

    private static let id = "aa_1"

    /// Short intervals, so that an action is due while the shortest block reason lasts.
    private func driver() -> TrackerDriver {
        let limits = SourcePolicy(
            minInterval: .milliseconds(300), maxInterval: .milliseconds(300),
            callDeadline: .seconds(10), budget: BudgetLimits(perMinute: 60, perDay: nil),
            idPattern: .prefix("aa_"))
        return TrackerDriver(.both(vouchers: limits))
    }

    private func meet(_ trouble: Trouble, _ driver: inout TrackerDriver) {
        let span = Duration.seconds(30)
        switch trouble {
        case .pause: refuse(.paused(opensIn: span), &driver)
        case .spentMinute: refuse(.budgetSpent(opensIn: span, .minute), &driver)
        case .spentDay: refuse(.budgetSpent(opensIn: span, .day), &driver)
        case .quarantine: refuse(.quarantined(opensIn: span), &driver)
        case .peersBreaker:
            driver.advance(.seconds(100))
            driver.learn(Self.id)
            driver.advance(.seconds(61))
            refuse(.resting(opensIn: span), &driver)
        case .noCallsLeft:
            driver.ask("aa_other")
            driver.answer(hints: RateHints(remaining: 0))
        case .lastCallTaken:
            for id in ["aa_other", "aa_another"] { driver.ask(id) }
            driver.answer(hints: RateHints(remaining: 1))
        case .openBreaker:
            for number in 1...Breaker.failuresMax {
                driver.ask("aa_bad\(number)")
                driver.fail(.serverError)
            }
        case .noToken, .refusedToken:
            let kind = trouble == .noToken ? .tokenUnavailable : UpstreamFault.Kind.tokenRefused
            driver.credentialFault = UpstreamFault(kind: kind)
            driver.ask("aa_other")
        case .outOfResources:
            driver.ask("aa_other")
            driver.fail(.outOfResources, sent: false)
        case .storeDown:
            driver.store.isDown = true
            driver.ask("aa_other")
        case .draining: driver.drain()
        }
    }

    private func refuse(_ verdict: ReservationReply.Verdict, _ driver: inout TrackerDriver) {
        driver.store.verdicts = [verdict]
        driver.ask("aa_other")
    }

    @Test(arguments: Trouble.allCases)
    func allRoutesAgreeWhileCallsAreBlocked(trouble: Trouble) {
        var driver = driver()
        driver.learn(Self.id)
        meet(trouble, &driver)
        // The published answer is rendered again while calls are blocked.
        driver.ask(Self.id, patience: .done(deadline: driver.now + .milliseconds(1)))
        for step in 1...9 {
            let ways = driver.ways(Self.id)
            expectEqual(Set(ways.values).count, 1, "\(trouble) after \(step - 1) steps: \(ways)")
            driver.ask(Self.id)
            driver.advance(.milliseconds(50))
        }
        let reported = (["board"] + ActionTracker.ways).map { ($0, trouble.reason) }
        expectEqual(driver.ways(Self.id), Dictionary(uniqueKeysWithValues: reported))
        let views = driver.explanation(of: Self.id)?.sources ?? []
        let why = views.first { $0.source == .vouchers }?.whyNotFresher
        guard case .blocked(let block, _)? = why else {
            Issue.record("\(trouble): \(String(describing: why))")
            return
        }
        expectEqual(block.word, trouble.block)
    }

    /// A shut gate, and what is spent of unknown ids' shares, stand in no stored answer's way.
    @Test func everyBlockReasonOfAStoredAnswerIsAmongTheTroubles() {
        let shares = BudgetKind.allCases.filter { $0 != .minute && $0 != .day }
        let others = [BlockReason.gate] + shares.map(BlockReason.budget)
        let tried = Trouble.allCases.map(\.block) + others.map(\.word)
        expectEqual(Set(tried), Set(BlockReason.words))
    }

    @Test func theLongestBlockReasonIsReportedByAllRoutes() {
        var driver = driver()
        driver.learn(Self.id)
        driver.advance(.milliseconds(500))
        driver.store.verdicts = [.paused(opensIn: .seconds(5))]
        driver.ask(Self.id)
        expectEqual(driver.ways(Self.id)["board"], .some(.throttled))
        driver.step(.lookedUp(.of("aa_other"), .failure(PaperStore.failure)))
        driver.drain()
        let ways = driver.ways(Self.id)
        expectEqual(Set(ways.values), [.unavailable], "\(ways)")
    }

    @Test func aPublishedAnswerDoesNotOutliveItsBlockReason() {
        var driver = driver()
        driver.learn(Self.id)
        driver.advance(.milliseconds(500))
        for number in 1...Breaker.failuresMax + 1 { driver.ask("aa_bad\(number)") }
        for _ in 1...Breaker.failuresMax { driver.fail(.serverError) }
        driver.ask(Self.id)
        expectEqual(driver.ways(Self.id)["board"], .some(.breakerOpen))
        // A call from before the breaker opened reports that all is well.
        driver.answer()
        let ways = driver.ways(Self.id)
        #expect(!ways.values.contains(.breakerOpen), "\(ways)")
    }

    @Test func aSlowCallIsReportedByAllRoutesOnceTheAnswerIsDue() {
        let limits = SourcePolicy(
            minInterval: .seconds(5), maxInterval: .seconds(300), callDeadline: .seconds(10),
            budget: BudgetLimits(perMinute: 60, perDay: nil), idPattern: .prefix("aa_"))
        var driver = TrackerDriver(.both(vouchers: limits))
        driver.learn(Self.id, createdAgo: .seconds(80))
        // A watcher causes a refresh before the answer's age does.
        driver.ask(Self.id, patience: .done(deadline: driver.now + .seconds(60)))
        driver.advance(.seconds(6))
        expectEqual(driver.calls.count, 1)
        for _ in 1...8 {
            let ways = driver.ways(Self.id)
            expectEqual(Set(ways.values).count, 1, "\(ways)")
            driver.ask(Self.id)
            driver.advance(.milliseconds(500))
        }
        expectEqual(driver.ways(Self.id)["board"], .some(.slow))
    }

    @Test func aPeersHungCallIsReportedByAllRoutes() {
        var driver = driver()
        driver.learn(Self.id)
        driver.advance(.milliseconds(500))
        let key = EntryKey(.vouchers, .of(Self.id))
        driver.store.rows[key]?.opens = driver.now + .milliseconds(13_300)
        driver.ask(Self.id)
        for _ in 1...30 {
            let ways = driver.ways(Self.id)
            #expect(Set(ways.values).count <= 1, "\(ways)")
            driver.ask(Self.id)
            driver.advance(.milliseconds(500))
        }
    }

    @Test func aStoredFailureGivesWayToTheBlockReason() {
        var driver = driver()
        driver.learn(Self.id)
        driver.advance(.milliseconds(500))
        driver.ask(Self.id)
        driver.fail(.notJSON)
        expectEqual(driver.ways(Self.id)["board"], .some(.error))
        driver.store.verdicts = [.paused(opensIn: .seconds(5))]
        driver.ask("aa_other")
        driver.advance(.milliseconds(500))
        driver.ask(Self.id)
        expectEqual(Set(driver.ways(Self.id).values), [.throttled])
    }
}

extension TrackerDriver {
    /// What each route answers now, of those that answer at once.
    fileprivate func ways(_ id: String) -> [String: StaleReason?] {
        var ways = tracker.staleReasons(.of(id), now: now)
        if let board = published[.of(id)], now < board.servableUntil {
            ways.append(("board", board.answer.staleReason))
        }
        return Dictionary(ways.map { ($0.way, $0.reason) }) { $1 }
    }
}
