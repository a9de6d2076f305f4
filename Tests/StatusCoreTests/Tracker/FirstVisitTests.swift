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
        #expect(asked(driver) == sources)
        #expect(driver.calls.isEmpty)
        driver.release()
        #expect(driver.calls.map(\.key.source) == sources)
        #expect(driver.store.reservations == sources.count)
    }

    @Test func aStoredAnswerReservesNothing() {
        var driver = TrackerDriver()
        driver.learn(Shape.voucher)
        driver.restart()
        let reservations = driver.store.reservations
        #expect(driver.reply(to: Shape.voucher).answer != nil)
        #expect(driver.firstVisits.last?.count == 1)
        #expect(driver.store.reservations == reservations && driver.tracker.flights == 0)
    }

    /// The id's shape suggests the vouchers, and the store knows better.
    @Test func anotherSourceThatKnowsTheActionIsAskedInstead() {
        var driver = TrackerDriver()
        driver.learn(Shape.voucher, source: .orders)
        driver.restart()
        driver.advance(.seconds(61))
        let caller = driver.ask(Shape.voucher)
        #expect(driver.calls.map(\.key.source) == [.orders])
        driver.answer(.succeeded)
        #expect(driver.replies[caller].answer?.document.status == .succeeded)
    }

    @Test func anotherProcessesCallIsWaitedFor() {
        var driver = TrackerDriver()
        driver.ask(Shape.voucher)
        let call = driver.calls[0]
        driver.restart()
        let caller = driver.ask(Shape.voucher)
        #expect(driver.calls.isEmpty && driver.replies[caller] == nil)
        #expect(driver.callsMade == [call.key])
    }

    @Test func whatStandsInTheWayIsNotReserved() {
        var driver = TrackerDriver()
        driver.store.verdicts = [.paused(opensIn: .seconds(30))]
        driver.ask(Shape.voucher)
        #expect(driver.firstVisits.last?.count == 1)
        driver.ask("aa_second")
        #expect(driver.firstVisits.last?.isEmpty == true)
        #expect(driver.store.reservations == 1)
    }

    @Test func aNewbornStandsBehindThoseInLine() {
        var driver = TrackerDriver()
        driver.heldBack = [.reserve]
        let most = UpstreamState.startingMax
        for number in 0...most { driver.ask("aa_\(number)") }
        #expect(driver.firstVisits.last?.isEmpty == true)
        driver.ask(Shape.order)
        #expect(driver.firstVisits.last?.count == 1)
    }

    @Test func aCredentialThatHasToBeFetchedIsFetchedAfterTheLookUp() {
        var driver = TrackerDriver()
        driver.heldBack = [.prepare]
        let caller = driver.ask(Shape.voucher)
        #expect(driver.store.reservations == 0 && driver.calls.isEmpty)
        driver.release()
        driver.advance(.milliseconds(1))
        driver.answer(.pending)
        #expect(driver.replies[caller].answer?.service == .miss)
    }

    /// Nothing is sent by it; who still waits gets another.
    @Test func aSlotThatComesTooLateIsGivenBack() {
        var driver = driver()
        driver.ask(Shape.voucher)
        driver.advance(GateTiming.sendWindow)
        driver.release()
        #expect(driver.calls.map(\.sendBefore) == [driver.now + GateTiming.sendWindow])
        #expect(driver.store.reservations == 2)
        let expired = UpstreamFault.Kind.slotExpired.rawValue
        #expect(driver.store.completions.map(\.outcome) == [expired])
        #expect(driver.store.completions.map(\.gate) == [.opens(in: .zero)])
    }

    @Test func aLostReplyLeavesTheGateShut() throws {
        var driver = driver()
        let caller = driver.ask(Shape.voucher)
        _ = driver.store.lookUp(
            [.of(Shape.voucher)], orReserve: try #require(driver.firstVisits.last), driver.now)
        driver.step(.lookedUp(.of(Shape.voucher), .failure(PaperStore.failure)))
        #expect(driver.replies[caller].problem?.code == .storeUnavailable)
        #expect(driver.tracker.flights == 0)
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
        #expect(driver.calls.map(\.key.source) == [.vouchers])
    }

    @Test func whoLeavesDuringTheVisitLeavesNothingBehind() {
        var driver = driver()
        let caller = driver.ask(Shape.voucher)
        driver.leave(caller)
        driver.release()
        driver.answer(.pending)
        #expect(driver.tracker.flights == 0 && driver.tracker.waitingCallers == 0)
        #expect(driver.callsMade.count == 1)
    }
}
