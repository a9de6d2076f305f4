// Finished actions leave the tracker and stay published; their states are not lost.

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
        #expect(driver.tracker.actions.count == 0)
        #expect(driver.tracker.storedActions == 1)
        #expect(driver.published[.of(id)]?.answer.document.status == .succeeded)
    }

    @Test func anUnfinishedActionStays() {
        var driver = TrackerDriver()
        driver.learn(id, .pending)
        #expect(driver.tracker.actions.count == 1)
        #expect(driver.tracker.actions.retiredCount == 0)
    }

    @Test func aRetiredActionIsRestoredWithoutACall() {
        var driver = retired()
        let reply = driver.reply(to: id)
        #expect(reply.answer?.document.status == .succeeded)
        #expect(driver.callsMade.count == 1)
        #expect(driver.tracker.storedActions == 1)
    }

    @Test func aStoreThatHasForgottenItChangesNothing() {
        var driver = retired()
        driver.store = PaperStore()
        #expect(driver.reply(to: id).answer?.document.status == .succeeded)
        #expect(driver.callsMade.count == 1)
    }

    @Test func aStoreThatFailsLosesNothing() {
        var driver = retired()
        driver.store.isDown = true
        driver.ask(id, source: .orders)
        #expect(driver.reply(to: id).answer?.document.status == .succeeded)
        #expect(driver.published[.of(id)]?.answer.document.status == .succeeded)
        #expect(driver.tracker.storedActions == 1)
    }

    @Test func anIDThatTheOtherUpstreamKnowsIsReportedAsAmbiguous() {
        var driver = retired()
        driver.learn(id, .pending, source: .orders)
        #expect(driver.published[.of(id)] == nil)
        #expect(driver.reply(to: id).problem?.code == .ambiguous)
    }

    @Test func aRetiredActionIsDroppedAfterItsTime() {
        var driver = retired()
        driver.advance(.seconds(86_401))
        driver.store = PaperStore()
        driver.ask(id)
        #expect(driver.callsMade.count == 2)
        #expect(driver.tracker.actions.retiredCount == 0)
    }
}
