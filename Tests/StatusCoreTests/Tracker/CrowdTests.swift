// Crowds: thousands of callers held for one action, or for one each. Counted in steps and callers.

import TestSupport
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
        expectEqual(driver.callsMade.count, 1)
        driver.answer(.succeeded)
        // A caller who has got a reply must not find an older answer.
        #expect(!driver.replies.isEmpty && driver.replies.count < Self.count)
        #expect(driver.published[.of(Shape.voucher)] != nil)
        // The others do not wait for time to pass.
        driver.advance(.zero)
        #expect(driver.repliesInStepMax <= Self.most)
        #expect(callers.allSatisfy { driver.replies[$0].answer?.document.isDone == true })
        expectEqual(driver.tracker.waitingCallers, 0)
    }

    @Test func aNewcomerDoesNotWaitForACrowd() {
        var driver = TrackerDriver()
        _ = crowd(&driver)
        driver.answer(.pending)
        let newcomer = driver.ask(Shape.order)
        driver.answer(.succeeded, by: .orders)
        #expect(driver.replies[newcomer].answer != nil)
        #expect(driver.replies.count < Self.count)
    }

    /// Each caller whose wait ends is handled alone; otherwise all would be, once for each.
    @Test func aPassedDeadlineCostsOtherCallersNothing() {
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

    @Test func anArrivalDuringALookUpCostsOtherCallersNothing() {
        var driver = TrackerDriver()
        driver.heldBack = [.lookUp]
        _ = crowd(&driver)
        expectEqual(driver.tracker.callersConsidered, 0)
        driver.release()
        driver.answer(.succeeded)
        driver.advance(.zero)
        expectEqual(driver.replies.count, Self.count)
        #expect(driver.tracker.callersConsidered <= 8 * Self.count)
    }

    @Test func aCrowdThatLeavesIsRemoved() {
        var driver = TrackerDriver()
        let callers = crowd(&driver)
        for caller in callers.reversed() { driver.leave(caller) }
        expectEqual(driver.tracker.waitingCallers, 0)
        driver.answer(.succeeded)
        #expect(driver.replies.isEmpty)
    }

    /// A block reason ends the wait of all queued callers: one action each, and some in every step.
    @Test func thousandsOfActionsAreConsideredInSlices() {
        var driver = TrackerDriver(.both(vouchers: .vouchers))
        driver.heldBack = [.prepare]
        for number in 0..<Self.count { driver.ask("aa_\(number)") }
        #expect(driver.replies.isEmpty)
        driver.credentialFault = UpstreamFault(kind: .tokenUnavailable)
        driver.release()
        driver.advance(.zero)
        expectEqual(driver.replies.count, Self.count)
        #expect(driver.repliesInStepMax <= Self.most)
    }

    /// Ten thousand arrive, half of them leave, and the others get their answer.
    @Test func costOfACrowdIsLinear() {
        let costs = [2_500, 10_000].map { count in
            var driver = TrackerDriver()
            let callers = (0..<count).map { _ in driver.ask(Shape.voucher) }
            for caller in callers.prefix(count / 2) { driver.leave(caller) }
            driver.answer(.succeeded)
            driver.advance(.zero)
            expectEqual(driver.replies.count, count / 2)
            #expect(driver.repliesInStepMax <= Self.most)
            return driver.tracker.callersConsidered
        }
        #expect(costs[0] >= 1_250 && costs[1] <= 4 * costs[0] + Self.most)
    }

    // MARK: Requests for many actions that nobody knows

    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    private func ids(_ driver: TrackerDriver) -> [String] { driver.callsMade.map(\.id.text) }

    @Test func aRequestForManyDoesNotDelayARequestForOne() {
        var driver = vouchersOnly()
        for place in 1...100 { driver.ask("aa_of-many-\(place)", place: place) }
        expectEqual(driver.calls.count, RefreshQueue.togetherMax)
        driver.ask("aa_single")
        expectEqual(ids(driver).last, "aa_single")
        // Each call that ends makes room for the next.
        driver.fail(.notFound)
        expectEqual(driver.calls.count, RefreshQueue.togetherMax + 1)
        while !driver.calls.isEmpty { driver.fail(.notFound) }
        expectEqual(Set(ids(driver)).count, 101)
    }

    @Test func requestsForManyAndForOneAlternate() {
        var driver = vouchersOnly()
        driver.heldBack = [.prepare]
        for number in 1...UpstreamState.startingMax { driver.ask("aa_before-\(number)") }
        for place in 1...3 { driver.ask("aa_of-many-\(place)", place: place) }
        for number in 1...3 { driver.ask("aa_single-\(number)") }
        driver.release()
        expectEqual(
            ids(driver).filter { !$0.hasPrefix("aa_before") },
            [
                "aa_of-many-1", "aa_single-1", "aa_of-many-2", "aa_single-2", "aa_of-many-3",
                "aa_single-3",
            ])
    }

    @Test func aSingleRequestForABatchedIDDoesNotWaitForTheBatch() {
        var driver = vouchersOnly()
        for place in 1...100 { driver.ask("aa_of-many-\(place)", place: place) }
        driver.ask("aa_of-many-90")
        expectEqual(ids(driver).last, "aa_of-many-90")
        expectEqual(driver.calls.count, RefreshQueue.togetherMax + 1)
    }

    @Test func knownActionsOfABatchQueueWithAllOthers() {
        var driver = vouchersOnly()
        for number in 1...20 { driver.learn("aa_\(number)") }
        driver.advance(.seconds(31))
        for number in 1...20 { driver.ask("aa_\(number)", place: number) }
        expectEqual(driver.calls.count, 20)
    }

    /// A small batch does not wait for the whole of a large one before it.
    @Test func questionsOfOneRequestQueueAsIfAskedConsecutively() {
        var driver = vouchersOnly()
        for place in 1...100 { driver.ask("aa_of-many-\(place)", place: place) }
        driver.now = driver.now + .milliseconds(200)
        driver.ask("aa_of-two", place: 1)
        while driver.callsMade.count < 40 { driver.fail(.notFound) }
        #expect(ids(driver).contains("aa_of-two"))
    }
}
