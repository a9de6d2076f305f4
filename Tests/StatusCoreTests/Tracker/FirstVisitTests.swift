import TestSupport
import Testing

@testable import StatusCore

/// The first visit to the store for an action that is new to a process: what is kept, or the slots.
@Suite struct FirstVisitTests {
    /// A tracker whose next look-up is held back, so that it can be seen and replied to by hand.
    private func driver(_ policy: TrackerPolicy = .both()) -> TrackerDriver {
        var driver = TrackerDriver(policy)
        driver.heldBack = [.lookUp]
        return driver
    }

    private func asked(_ driver: TrackerDriver) -> [Source] {
        driver.firstVisits.last.map { $0.map(\.key.source) } ?? []
    }

    @Test(arguments: [
        (Shape.order, nil as Source?, [Source.orders]), (Shape.voucher, nil, [.vouchers]),
        (Shape.none, nil, [.orders, .vouchers]), (Shape.order, Source.vouchers, [.vouchers]),
    ])
    func itReservesWhereAColdActionIsAsked(id: String, source: Source?, sources: [Source]) {
        var driver = driver()
        driver.ask(id, source: source)
        expectEqual(asked(driver), sources)
        #expect(driver.calls.isEmpty)
        driver.release()
        expectEqual(driver.calls.map(\.key.source), sources)
        expectEqual(driver.store.reservations, sources.count)
    }

    @Test func aStoredAnswerReservesNothing() {
        var driver = TrackerDriver()
        driver.learn(Shape.voucher)
        driver.restart()
        let reservations = driver.store.reservations
        #expect(driver.reply(to: Shape.voucher).answer != nil)
        expectEqual(driver.firstVisits.last?.count, 1)
        #expect(driver.store.reservations == reservations && driver.tracker.flights == 0)
    }

    /// The id's shape suggests the vouchers, and the store knows better.
    @Test func anotherSourceThatKnowsTheActionIsAskedInstead() {
        var driver = TrackerDriver()
        driver.learn(Shape.voucher, source: .orders)
        driver.restart()
        driver.advance(.seconds(61))
        let caller = driver.ask(Shape.voucher)
        expectEqual(driver.calls.map(\.key.source), [.orders])
        driver.answer(.succeeded)
        expectEqual(driver.replies[caller].answer?.document.status, .succeeded)
    }

    @Test func anotherProcessesCallIsWaitedFor() {
        var driver = TrackerDriver()
        driver.ask(Shape.voucher)
        let call = driver.calls[0]
        driver.restart()
        let caller = driver.ask(Shape.voucher)
        #expect(driver.calls.isEmpty && driver.replies[caller] == nil)
        expectEqual(driver.callsMade, [call.key])
    }

    @Test func whatStandsInTheWayIsNotReserved() {
        var driver = TrackerDriver()
        driver.store.verdicts = [.paused(opensIn: .seconds(30))]
        driver.ask(Shape.voucher)
        expectEqual(driver.firstVisits.last?.count, 1)
        driver.ask("aa_second")
        expectEqual(driver.firstVisits.last?.isEmpty, true)
        expectEqual(driver.store.reservations, 1)
    }

    @Test func aNewbornStandsBehindThoseInLine() {
        var driver = TrackerDriver()
        driver.heldBack = [.reserve]
        let most = UpstreamState.startingMax
        for number in 0...most { driver.ask("aa_\(number)") }
        expectEqual(driver.firstVisits.last?.isEmpty, true)
        driver.ask(Shape.order)
        expectEqual(driver.firstVisits.last?.count, 1)
    }

    @Test func aCredentialThatHasToBeFetchedIsFetchedAfterTheLookUp() {
        var driver = TrackerDriver()
        driver.heldBack = [.prepare]
        let caller = driver.ask(Shape.voucher)
        #expect(driver.store.reservations == 0 && driver.calls.isEmpty)
        driver.release()
        driver.advance(.milliseconds(1))
        driver.answer(.pending)
        expectEqual(driver.replies[caller].answer?.service, .miss)
    }

    /// Nothing is sent by it; who still waits gets another.
    @Test func aSlotThatComesTooLateIsGivenBack() {
        var driver = driver()
        driver.ask(Shape.voucher)
        driver.advance(GateTiming.sendWindow)
        driver.release()
        expectEqual(driver.calls.map(\.sendBefore), [driver.now + GateTiming.sendWindow])
        expectEqual(driver.store.reservations, 2)
        let expired = UpstreamFault.Kind.slotExpired.rawValue
        expectEqual(driver.store.completions.map(\.outcome), [expired])
        expectEqual(driver.store.completions.map(\.gate), [.opens(in: .zero)])
    }

    @Test func aLostReplyLeavesTheGateShut() throws {
        var driver = driver()
        let caller = driver.ask(Shape.voucher)
        _ = driver.store.lookUp(
            [.of(Shape.voucher)], orReserve: try #require(driver.firstVisits.last), driver.now)
        driver.step(.lookedUp(.of(Shape.voucher), .failure(PaperStore.failure)))
        expectEqual(driver.replies[caller].problem?.code, .storeUnavailable)
        expectEqual(driver.tracker.flights, 0)
        driver.dropHeldBack()
        driver.advance(.seconds(2))
        let next = driver.ask(Shape.voucher)
        #expect(driver.calls.isEmpty && driver.replies[next] == nil)
    }

    /// What is refused keeps its refresh in line, as any other reservation.
    @Test func aRefusedReservationIsTriedAgain() {
        var driver = TrackerDriver()
        driver.store.verdicts = [.resting(opensIn: .seconds(1))]
        driver.ask(Shape.voucher, patience: .done(deadline: driver.now + .seconds(30)))
        #expect(driver.calls.isEmpty)
        driver.advance(.seconds(2))
        expectEqual(driver.calls.map(\.key.source), [.vouchers])
    }

    @Test func whoLeavesDuringTheVisitLeavesNothingBehind() {
        var driver = driver()
        let caller = driver.ask(Shape.voucher)
        driver.leave(caller)
        driver.release()
        driver.answer(.pending)
        #expect(driver.tracker.flights == 0 && driver.tracker.waitingCallers == 0)
        expectEqual(driver.callsMade.count, 1)
    }
}
