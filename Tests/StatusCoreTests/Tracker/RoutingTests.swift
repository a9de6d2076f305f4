import TestSupport
import Testing

@testable import StatusCore

@Suite struct RoutingTests {
    private func sources(_ driver: TrackerDriver) -> [Source] { driver.calls.map(\.key.source) }

    @Test(arguments: [
        (Shape.order, Source.vouchers), (Shape.voucher, .orders), (Shape.none, .orders),
    ])
    func aGivenSourceIsTheOnlyOneAsked(id: String, source: Source) {
        var driver = TrackerDriver()
        driver.ask(id, source: source)
        expectEqual(sources(driver), [source])
    }

    @Test(arguments: [Shape.order, Shape.voucher, Shape.none])
    func theOnlyConfiguredUpstreamIsAskedForEveryShape(id: String) {
        var driver = TrackerDriver(.both(orders: nil))
        driver.ask(id)
        expectEqual(sources(driver), [.vouchers])
    }

    @Test(arguments: [(Shape.order, Source.orders), (Shape.voucher, .vouchers)])
    func theShapeSuggestsTheFirstUpstream(id: String, source: Source) {
        var driver = TrackerDriver()
        driver.ask(id)
        expectEqual(sources(driver), [source])
    }

    @Test func aRealNotFoundLeadsToTheOtherUpstream() {
        var driver = TrackerDriver()
        let caller = driver.ask(Shape.order)
        driver.fail(.notFound, http: 404)
        expectEqual(sources(driver), [.vouchers])
        #expect(driver.replies[caller] == nil)
        driver.answer(.inProgress)
        expectEqual(driver.replies[caller].answer?.document.source, .vouchers)
    }

    @Test(arguments: [UpstreamFault.Kind.serverError, .timedOut, .throttled, .notJSON])
    func anotherFailureDoesNotLeadToTheOtherUpstream(kind: UpstreamFault.Kind) {
        var driver = TrackerDriver()
        let caller = driver.ask(Shape.order)
        driver.fail(kind)
        #expect(driver.calls.isEmpty)
        expectEqual(driver.replies[caller].problem?.code, kind.problemCode)
    }

    @Test func anIdOfNoShapeGoesToBothAndTheOneThatKnowsItWins() {
        var driver = TrackerDriver()
        let caller = driver.ask(Shape.none)
        expectEqual(sources(driver), [.orders, .vouchers])
        driver.fail(.notFound, by: .orders)
        driver.answer(.pending, by: .vouchers)
        expectEqual(driver.replies[caller].answer?.document.source, .vouchers)
    }

    @Test func theWinnerWaitsBrieflyForTheOthers() {
        var driver = TrackerDriver()
        let caller = driver.ask(Shape.none)
        driver.answer(.pending, by: .orders)
        #expect(driver.replies[caller] == nil)
        driver.advance(TrackerPolicy.rivalWait)
        expectEqual(driver.replies[caller].answer?.document.source, .orders)
    }

    @Test func anIdThatBothKnowIsAmbiguousUntilTheCallerSaysWhich() {
        var driver = TrackerDriver()
        let caller = driver.ask(Shape.none)
        driver.answer(.pending, by: .orders)
        driver.answer(.pending, by: .vouchers)
        let problem = driver.replies[caller].problem
        expectEqual(problem?.code, .ambiguous)
        expectEqual(problem?.sources.map(\.source), [.orders, .vouchers])
        #expect(driver.reply(to: Shape.none, source: .orders).answer != nil)
        #expect(driver.published[.of(Shape.none)] == nil)
    }

    @Test func notFoundNeedsA404FromEveryUpstream() {
        var driver = TrackerDriver()
        let caller = driver.ask(Shape.none)
        driver.fail(.notFound, http: 404, by: .orders)
        driver.fail(.notFound, http: 404, by: .vouchers)
        let problem = driver.replies[caller].problem
        expectEqual(problem?.code, .notFound)
        expectEqual(problem?.sources.map(\.httpStatus), [404, 404])
        expectEqual(problem?.retryAt, driver.now + .seconds(30) + GateTiming.slew)
    }

    @Test func aNotFoundBesideAServerErrorIsAnUpstreamError() {
        var driver = TrackerDriver()
        let caller = driver.ask(Shape.none)
        driver.fail(.notFound, by: .orders)
        driver.fail(.serverError, by: .vouchers)
        expectEqual(driver.replies[caller].problem?.code, .upstreamError)
    }

    @Test func theUpstreamThatAnsweredBeforeIsAskedAgainWhateverTheShape() {
        var driver = TrackerDriver()
        driver.ask(Shape.order)
        driver.fail(.notFound)
        driver.answer(.pending)
        driver.advance(.seconds(3600))
        driver.ask(Shape.order)
        expectEqual(sources(driver), [.vouchers])
    }

    @Test func theUpstreamThatAnsweredIsRememberedPastStaleMaxAndRestarts() {
        let policy = TrackerPolicy.both(staleMax: .seconds(600))
        var driver = TrackerDriver(policy)
        driver.ask(Shape.order)
        driver.fail(.notFound)
        driver.answer(.pending)
        driver.advance(.seconds(601))
        driver.restart(policy)
        let caller = driver.ask(Shape.order)
        expectEqual(sources(driver), [.vouchers])
        #expect(driver.replies[caller] == nil, "an answer past STALE_MAX is not served")
    }

    @Test func aSecondUpstreamIsNotAskedForAnActionThatTheFirstKnew() {
        let policy = TrackerPolicy.both(staleMax: .seconds(600))
        var driver = TrackerDriver(policy)
        driver.learn(Shape.order)
        driver.advance(.seconds(601))
        let caller = driver.ask(Shape.order)
        driver.fail(.notFound)
        #expect(driver.calls.isEmpty)
        expectEqual(driver.replies[caller].problem?.code, .notFound)
    }

    // MARK: Several sources

    private static let wide = TrackerPolicy.sources([
        ("orders", .uuid), ("orders-de", .uuid), ("vouchers", .prefix("aa_")), ("exports", nil),
    ])

    @Test func allMatchingSourcesAreAskedFirstAndTheRestAfterARealNotFound() {
        var driver = TrackerDriver(Self.wide)
        let caller = driver.ask(Shape.order)
        expectEqual(sources(driver).map(\.name), ["orders", "orders-de"])
        driver.fail(.notFound, http: 404, by: .orders)
        expectEqual(sources(driver).map(\.name), ["orders-de"])
        driver.fail(.notFound, http: 404, by: .named("orders-de"))
        expectEqual(sources(driver).map(\.name), ["vouchers", "exports"])
        driver.fail(.notFound, http: 404, by: .vouchers)
        driver.answer(.pending, by: .named("exports"))
        expectEqual(driver.replies[caller].answer?.document.source.name, "exports")
        expectEqual(driver.callsMade.count, 4)
    }

    @Test func anIDThatMatchesOneSourceCostsOneCall() {
        var driver = TrackerDriver(Self.wide)
        driver.ask(Shape.voucher)
        expectEqual(sources(driver), [.vouchers])
    }

    @Test func anIDThatMatchesNoneGoesToAllAtOnce() {
        var driver = TrackerDriver(Self.wide)
        driver.ask(Shape.none)
        expectEqual(sources(driver), Self.wide.configured)
    }

    @Test func failureOfAMatchingSourceIsNoNotFound() {
        var driver = TrackerDriver(Self.wide)
        let caller = driver.ask(Shape.order)
        driver.fail(.notFound, http: 404, by: .orders)
        driver.fail(.serverError, by: .named("orders-de"))
        #expect(driver.calls.isEmpty)
        let problem = driver.replies[caller].problem
        expectEqual(problem?.code, .upstreamError)
        expectEqual(problem?.sources.map(\.outcome), ["not-found", "server-error"])
    }

    @Test func answerWaitsForTheOthersNoLongerThanAMoment() {
        var driver = TrackerDriver(Self.wide)
        let caller = driver.ask(Shape.order)
        driver.answer(.pending, by: .named("orders-de"))
        #expect(driver.replies[caller] == nil)
        driver.advance(TrackerPolicy.rivalWait)
        expectEqual(driver.replies[caller].answer?.document.source.name, "orders-de")
    }

    @Test func allSourcesThatKnowAnActionAreNamed() {
        var driver = TrackerDriver(Self.wide)
        let caller = driver.ask(Shape.none)
        for source in Self.wide.configured where source != .vouchers {
            driver.answer(.pending, by: source)
        }
        driver.fail(.notFound, http: 404, by: .vouchers)
        expectEqual(driver.replies[caller].problem?.code, .ambiguous)
        let problem = driver.reply(to: Shape.none).problem
        expectEqual(problem?.sources.map(\.source.name), ["orders", "orders-de", "exports"])
    }

    @Test func recordOfARemovedSourceIsNotServed() {
        var driver = TrackerDriver(Self.wide)
        driver.ask(Shape.none, source: .named("exports"))
        driver.answer(.succeeded, by: .named("exports"))
        driver.restart(.sources([("orders", .uuid), ("vouchers", .prefix("aa_"))]))
        driver.ask(Shape.none)
        expectEqual(sources(driver), [.orders, .vouchers])
        for source in [Source.orders, .vouchers] {
            driver.fail(.notFound, http: 404, by: source)
        }
        driver.restart(Self.wide)
        expectEqual(driver.reply(to: Shape.none).answer?.document.source.name, "exports")
    }
}
