// Crowds: thousands who are held for one action, or for one each. Counted in steps and looks.

import Testing

@testable import StatusCore

struct CrowdTests {
    private static let count = 5000
    private static let most = ActionTracker.stepSizeMax

    /// A tracker with a crowd that waits for the first answer of an action.
    private func crowd(_ driver: inout TrackerDriver) -> [CallerID] {
        (0..<Self.count).map { _ in driver.ask(Shape.voucher) }
    }

    @Test func aCrowdIsRepliedToInSlices() {
        var driver = TrackerDriver()
        let callers = crowd(&driver)
        #expect(driver.callsMade.count == 1)
        driver.answer(.succeeded)
        // Who has got a reply must not find an older answer.
        #expect(!driver.replies.isEmpty && driver.replies.count < Self.count)
        #expect(driver.published[.of(Shape.voucher)] != nil)
        // The rest does not wait for time to pass.
        driver.advance(.zero)
        #expect(driver.repliesInStepMax <= Self.most)
        #expect(callers.allSatisfy { driver.replies[$0].answer?.document.isDone == true })
        #expect(driver.tracker.waitingCallers == 0)
    }

    @Test func aNewcomerIsNotKeptWaitingByACrowd() {
        var driver = TrackerDriver()
        _ = crowd(&driver)
        driver.answer(.pending)
        let newcomer = driver.ask(Shape.order)
        driver.answer(.succeeded, by: .orders)
        #expect(driver.replies[newcomer].answer != nil)
        #expect(driver.replies.count < Self.count)
    }

    /// Each who runs out of patience is looked at alone: else all would be, once for each.
    @Test func whoRunsOutOfPatienceCostsTheOthersNothing() {
        var driver = TrackerDriver()
        driver.learn(Shape.voucher)
        let callers = (0..<Self.count).map { number in
            driver.ask(
                Shape.voucher,
                patience: .done(deadline: driver.now + .milliseconds(1000 + 2 * number)))
        }
        let before = driver.tracker.callersConsidered
        driver.advance(.seconds(12))
        #expect(callers.allSatisfy { driver.replies[$0].answer != nil })
        #expect(driver.tracker.callersConsidered - before <= 3 * Self.count)
    }

    @Test func whoComesWhileTheStoreIsAskedCostsTheOthersNothing() {
        var driver = TrackerDriver()
        driver.heldBack = [.lookUp]
        _ = crowd(&driver)
        #expect(driver.tracker.callersConsidered == 0)
        driver.release()
        driver.answer(.succeeded)
        driver.advance(.zero)
        #expect(driver.replies.count == Self.count)
        #expect(driver.tracker.callersConsidered <= 8 * Self.count)
    }

    @Test func aCrowdThatLeavesIsForgotten() {
        var driver = TrackerDriver()
        let callers = crowd(&driver)
        for caller in callers.reversed() { driver.leave(caller) }
        #expect(driver.tracker.waitingCallers == 0)
        driver.answer(.succeeded)
        #expect(driver.replies.isEmpty)
    }

    /// An obstacle ends the wait of all who were lined up: one action each, and some in every step.
    @Test func thousandsOfActionsAreConsideredInSlices() {
        var driver = TrackerDriver(.both(vouchers: .vouchers))
        driver.heldBack = [.prepare]
        for number in 0..<Self.count { driver.ask("aa_\(number)") }
        #expect(driver.replies.isEmpty)
        driver.credentialFault = UpstreamFault(kind: .tokenUnavailable)
        driver.release()
        driver.advance(.zero)
        #expect(driver.replies.count == Self.count)
        #expect(driver.repliesInStepMax <= Self.most)
    }

    /// One request for a hundred actions that nobody knows, and one for a single one after it.
    @Test func questionsOfOneRequestLineUpAsIfAskedOneAfterTheOther() {
        var driver = TrackerDriver()
        driver.heldBack = [.prepare]
        for place in 0..<100 { driver.ask("aa_of-many-\(place)", place: place) }
        driver.now = driver.now + .milliseconds(200)
        driver.ask("aa_single")
        driver.heldBack = [.settle]
        driver.release()
        while driver.callsMade.count < 60, !driver.calls.isEmpty { driver.fail(.notFound) }
        let asked = driver.callsMade.map(\.id.text)
        let index = asked.firstIndex(of: "aa_single") ?? asked.endIndex
        #expect(index <= UpstreamState.startingMax + 1)
    }
}
