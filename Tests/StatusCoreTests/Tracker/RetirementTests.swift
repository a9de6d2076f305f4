// Finished actions leave the tracker and stay published; their states are not lost.

import TestSupport
import Testing

@testable import StatusCore

@Suite struct RetirementTests {
    private let id = Shape.voucher

    private func retired() -> TrackerDriver {
        var driver = TrackerDriver()
        driver.learn(id, .succeeded)
        return driver
    }

    @Test func aFinishedActionIsRetiredAndStaysPublished() {
        let driver = retired()
        expectEqual(driver.tracker.actions.count, 0)
        expectEqual(driver.tracker.storedActions, 1)
        expectEqual(driver.published[.of(id)]?.answer.document.status, .succeeded)
    }

    @Test func anUnfinishedActionStays() {
        var driver = TrackerDriver()
        driver.learn(id, .pending)
        expectEqual(driver.tracker.actions.count, 1)
        expectEqual(driver.tracker.actions.retiredCount, 0)
    }

    @Test func aRetiredActionIsRestoredWithoutACall() {
        var driver = retired()
        let reply = driver.reply(to: id)
        expectEqual(reply.answer?.document.status, .succeeded)
        expectEqual(driver.callsMade.count, 1)
        expectEqual(driver.tracker.storedActions, 1)
    }

    @Test func aStoreThatHasForgottenItChangesNothing() {
        var driver = retired()
        driver.store = PaperStore()
        expectEqual(driver.reply(to: id).answer?.document.status, .succeeded)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test func aStoreThatFailsLosesNothing() {
        var driver = retired()
        driver.store.isDown = true
        driver.ask(id, source: .orders)
        expectEqual(driver.reply(to: id).answer?.document.status, .succeeded)
        expectEqual(driver.published[.of(id)]?.answer.document.status, .succeeded)
        expectEqual(driver.tracker.storedActions, 1)
    }

    @Test func anIDThatTheOtherUpstreamKnowsIsReportedAsAmbiguous() {
        var driver = retired()
        driver.learn(id, .pending, source: .orders)
        #expect(driver.published[.of(id)] == nil)
        expectEqual(driver.reply(to: id).problem?.code, .ambiguous)
    }

    @Test func aRetiredActionIsDroppedAfterItsTime() {
        var driver = retired()
        driver.advance(.seconds(86_401))
        driver.store = PaperStore()
        driver.ask(id)
        expectEqual(driver.callsMade.count, 2)
        expectEqual(driver.tracker.actions.retiredCount, 0)
    }
}
