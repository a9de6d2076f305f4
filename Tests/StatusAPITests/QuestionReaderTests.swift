import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct QuestionReaderTests {
    typealias Patience = Question.Patience

    static let limits = APILimits(configured: Source.both, waitMax: .seconds(50))

    private func options(
        _ query: String? = nil, prefer: String? = nil, ifNoneMatch: String? = nil,
        limits: APILimits = limits
    ) throws(ProblemDetails) -> RequestOptions {
        try Asked(query: query, ["If-None-Match": ifNoneMatch, "Prefer": prefer]).options(limits)
    }

    /// For how many seconds the caller is held; nil if it is not.
    private func wait(_ query: String?, prefer: String? = nil) throws -> Int64? {
        switch try options(query, prefer: prefer).patience {
        case .none: nil
        case .done(let deadline), .change(_, let deadline), .update(_, _, let deadline):
            (deadline - Fixtures.now).nanoseconds / 1_000_000_000
        }
    }

    @Test func plainRequestAsksForTheCurrentState() throws {
        let options = try options()
        expectEqual(options, RequestOptions(source: nil, patience: .none))
        let id = try Fixtures.id()
        expectEqual(options.question(id), Question(id: id))
    }

    @Test func allOptionsCombine() throws {
        let options = try options(
            "until=change&source=vouchers&wait=5", prefer: "wait=9",
            ifNoneMatch: #"W/"00000000000000ff""#)
        let deadline = Fixtures.now + .seconds(5)
        expectEqual(options.source, .vouchers)
        expectEqual(options.patience, .change(from: [0xFF], deadline: deadline))
        let id = try Fixtures.id()
        expectEqual(
            options.question(id),
            Question(
                id: id, source: .vouchers, patience: .change(from: [0xFF], deadline: deadline)))
    }

    // MARK: wait

    @Test(
        arguments: [
            ("wait=1", 1), ("wait=30", 30), ("wait=50", 50), ("wait=007", 7), ("wait=%33", 3),
            ("x=1&wait=3&y", 3),
            // Capped.
            ("wait=51", 50), ("wait=999999999", 50), ("wait=99999999999999999999999999", 50),
            // No wait.
            ("wait=0", nil), ("wait=000", nil), ("", nil), (nil, nil),
            // Names are case-sensitive.
            ("Wait=3", nil), ("wait%20=3", nil),
        ] as [(String?, Int64?)])
    func waitIsWholeSecondsUpToTheMaximum(query: String?, seconds: Int64?) throws {
        try expectEqual(wait(query), seconds)
    }

    @Test(arguments: [
        "wait", "wait=", "wait=x", "wait=-1", "wait=+1", "wait=1.5", "wait=1s", "wait=%201",
        "wait=1+", "wait=0x1", "wait=%d9%a3", "wait=%ff", "wait=%3", "wait=1&wait=1",
        "wait=1&wait=2",
    ])
    func malformedWaitIsRefused(query: String) {
        #expect(throws: ProblemDetails.self) { try options(query) }
        // Prefer does not replace it.
        #expect(throws: ProblemDetails.self) { try options(query, prefer: "wait=5") }
    }

    @Test(
        arguments: [
            ("wait=5", 5), ("WAIT=5", 5), ("wait = 5", 5), (" wait=5 ", 5), ("wait=\t5", 5),
            (#"wait="5""#, 5), (#"wait="\5""#, 5), ("respond-async, wait=5", 5),
            ("respond-async,wait=5", 5),
            ("wait=5; foo=bar", 5), ("handling=lenient; wait=9, wait=5", 5),
            ("wait=5, wait=9", 5), ("wait=99", 50), ("wait=99999999999999999999", 50),
            (#"x="a, wait=9", wait=5"#, 5), (#"x="a\", wait=9", wait=5"#, 5),
            // Not as RFC 7240 requires, so ignored.
            ("wait", nil), ("wait=", nil), ("wait=x", nil), ("wait=-5", nil), ("wait=5s", nil),
            ("wait=5.0", nil), (#"wait="5"#, nil), ("await=5", nil), ("wait=0", nil), ("", nil),
            (",,", nil), (";", nil), ("=", nil), (#"x="wait=5"#, nil), ("wait=x, wait=5", nil),
            ("return=minimal", nil),
            // A mark that combines with a separator, and a sign that Unicode considers equal to one.
            ("x=\"\u{301}\", wait=5", 5), ("wait=\u{301}5, wait=9", nil),
            ("wait=5\u{37e}x", nil),
        ] as [(String, Int64?)])
    func malformedPreferenceIsIgnored(prefer: String, seconds: Int64?) throws {
        try expectEqual(wait(nil, prefer: prefer), seconds)
        try expectEqual(wait("source=orders", prefer: prefer), seconds)
    }

    @Test(
        arguments: [
            ("", "wait=9", "wait=9"), ("until=change", "a, wait=3", "wait=3"),
            ("", "wait=9999", "wait=50"), ("", "wait=99999999999999999999", "wait=50"),
            ("wait=3", "wait=9", nil), ("wait=0", "wait=9", nil), ("", "wait=0", nil),
            ("", "wait=x", nil), ("", nil, nil), ("", "respond-async", nil),
        ] as [(String, String?, String?)])
    func answerHasTheAppliedPreference(query: String, prefer: String?, value: String?)
        throws
    {
        try expectEqual(options(query, prefer: prefer).preferenceApplied?.value, value)
    }

    @Test func queryComesBeforePrefer() throws {
        try expectEqual(wait("wait=3", prefer: "wait=9"), 3)
        #expect(try wait("wait=0", prefer: "wait=9") == nil)
    }

    @Test func waitOfZeroDoesNotWait() throws {
        let limits = APILimits(configured: [.orders], waitMax: .zero)
        try expectEqual(options("wait=5", limits: limits).patience, .none)
    }

    // MARK: until

    @Test(
        arguments: [
            ("wait=5", nil, .done(deadline: Fixtures.now + .seconds(5))),
            (
                "wait=5&until=done", #""00000000000000ff""#,
                .done(deadline: Fixtures.now + .seconds(5))
            ),
            ("wait=5&until=change", nil, .change(from: nil, deadline: Fixtures.now + .seconds(5))),
            (
                "wait=5&until=change", #"W/"00000000000000ff""#,
                .change(from: [0xFF], deadline: Fixtures.now + .seconds(5))
            ),
            (
                "wait=5&until=change", #""00000000000000ff""#,
                .change(from: [0xFF], deadline: Fixtures.now + .seconds(5))
            ),
            // Tags that are not the service's, or almost: the state at arrival counts.
            ("wait=5&until=change", "*", .change(from: nil, deadline: Fixtures.now + .seconds(5))),
            (
                "wait=5&until=change", #""mine", "ff", "00000000000000FF", "+0000000000000ff""#,
                .change(from: nil, deadline: Fixtures.now + .seconds(5))
            ),
            (
                "wait=5&until=change", #""mine", W/"00000000000000ff", "0000000000000001""#,
                .change(from: [0xFF, 1], deadline: Fixtures.now + .seconds(5))
            ),
            // Without a wait there is nothing to wait for.
            ("until=change", nil, .none), ("until=done&wait=0", nil, .none),
        ] as [(String, String?, Patience)])
    func untilSaysWhatIsWaitedFor(query: String, ifNoneMatch: String?, patience: Patience) throws {
        try expectEqual(options(query, ifNoneMatch: ifNoneMatch).patience, patience)
    }

    @Test func preferredWaitCanBeForAChange() throws {
        let patience = try options("until=change", prefer: "wait=5").patience
        expectEqual(patience, .change(from: nil, deadline: Fixtures.now + .seconds(5)))
    }

    @Test(
        arguments: [
            (
                "wait=5&until=any", nil,
                .change(from: nil, deadline: Fixtures.now + .seconds(5)), true
            ),
            (
                "wait=5&until=any", #"W/"00000000000000ff""#,
                .change(from: [0xFF], deadline: Fixtures.now + .seconds(5)), true
            ),
            // The tag in a batch's condition is not an action's.
            (
                "wait=5&until=change", #"W/"00000000000000ff""#,
                .change(from: nil, deadline: Fixtures.now + .seconds(5)), false
            ),
            ("wait=5", nil, .done(deadline: Fixtures.now + .seconds(5)), false),
            ("until=any", nil, .none, false), ("until=any&wait=0", nil, .none, false),
        ] as [(String, String?, Patience, Bool)])
    func batchMayWaitForAnyOfItsActions(
        query: String, ifNoneMatch: String?, patience: Patience, isAny: Bool
    ) throws {
        let asked = Asked(query: query, ["If-None-Match": ifNoneMatch])
        let options = try asked.options(Self.limits, isBatch: true)
        expectEqual(options.patience, patience)
        expectEqual(options.waitsForAny, isAny)
    }

    @Test(arguments: [
        "until", "until=", "until=Done", "until=never", "until=done&until=done", "wait=5&until=x",
        "until=%ff",
    ])
    func otherUntilIsRefused(query: String) {
        #expect(throws: ProblemDetails.self) { try options(query) }
        #expect(throws: ProblemDetails.self) {
            try Asked(query: query).options(Self.limits, isBatch: true)
        }
    }

    @Test func oneActionIsNotWaitedForAsAny() {
        #expect(throws: ProblemDetails.self) { try options("wait=5&until=any") }
    }

    // MARK: source

    @Test(
        arguments: [
            ("source=orders", .orders), ("source=vouchers", .vouchers),
            ("source=%6frders", .orders),
            ("", nil), ("a=source", nil), ("Source=orders", nil),
        ] as [(String, Source?)])
    func sourceIsOneOfTheUpstreams(query: String, source: Source?) throws {
        try expectEqual(options(query).source, source)
    }

    @Test(arguments: [
        "source", "source=", "source=Orders", "source=both", "source=orders+",
        "source=orders&source=orders", "source=orders&source=vouchers", "source=%ff",
    ])
    func otherSourceIsRefused(query: String) {
        #expect(throws: ProblemDetails.self) { try options(query) }
    }

    @Test func sourceThatIsNotConfiguredIsRefused() throws {
        let limits = APILimits(configured: [.vouchers], waitMax: .seconds(50))
        try expectEqual(options("source=vouchers", limits: limits).source, .vouchers)
        let problem = try #require(throws: ProblemDetails.self) {
            try options("source=orders", limits: limits)
        }
        expectEqual(problem.code, .invalidParameter)
        #expect(problem.detail.hasSuffix("is not a configured source. Use one of: vouchers."))
        try expectKept(problem.response(now: Fixtures.now), path: "/actions/{id}")
    }

    // MARK: Everything else

    @Test(arguments: [
        "a", "a=1&a=2", "&&", "=", "=1", "waiting=x", "utm=%ff", "%ff=1", "%zz", "%", "a=b=c",
        "callback=%00",
    ])
    func unknownParametersAreIgnored(query: String) throws {
        try expectEqual(options(query), RequestOptions(source: nil, patience: .none))
        #expect(try options(query + "&wait=5&" + query).patience != .none)
    }

    @Test func manyParametersAreRefusedBeforeTheyCost() throws {
        let query = { Array(repeating: "a=1", count: $0).joined(separator: "&") }
        try expectEqual(options(query(QueryParameters.parametersMax)).patience, .none)
        #expect(throws: ProblemDetails.self) {
            try options(query(QueryParameters.parametersMax + 1))
        }
    }

    // MARK: Batch

    @Test func batchKeepsIDsAsGiven() throws {
        let asked = Asked(query: "id=a&x=1&id=b%20c&i%64=a&id=&id&source=%ff&wait=x")
        try expectEqual(asked.batchIDs(), ["a", "b c", "a", "", ""])
    }

    @Test(arguments: [(0, false), (1, true), (100, true), (101, false), (300, false)])
    func batchHas1To100IDs(count: Int, isServed: Bool) throws {
        let query = Array(repeating: "id=a", count: count).joined(separator: "&")
        let asked = Asked(query: query)
        guard !isServed else {
            try expectEqual(asked.batchIDs().count, count)
            return
        }
        let problem = try #require(throws: ProblemDetails.self) {
            try asked.batchIDs()
        }
        expectEqual(problem.code, .invalidParameter)
        try expectKept(problem.response(now: Fixtures.now), path: "/actions")
    }

    @Test func batchWithoutAQueryIsRefused() {
        #expect(throws: ProblemDetails.self) {
            try Asked().batchIDs()
        }
    }
}
