import HTTPWire
import TestSupport
import Testing

@testable import StatusAPI
@testable import StatusCore

@Suite struct ProblemDetailsTests {
    typealias Code = ProblemDetails.Code

    @Test(
        arguments: [
            (.invalidID, "invalid-id", 400, "Invalid action id"),
            (.invalidParameter, "invalid-parameter", 400, "Invalid parameter"),
            (.malformedRequest, "malformed-request", 400, "Malformed request"),
            (.unauthorized, "unauthorized", 401, "Caller key required"),
            (.crossSite, "cross-site", 403, "Cross-site request refused"),
            (.actionNotFound, "action-not-found", 404, "Action not found"),
            (.routeNotFound, "route-not-found", 404, "Route not found"),
            (.methodNotAllowed, "method-not-allowed", 405, "Method not allowed"),
            (.ambiguousAction, "ambiguous-action", 409, "More than one source knows this id"),
            (.preconditionFailed, "precondition-failed", 412, "Precondition failed"),
            (.misdirected, "misdirected", 421, "Unknown host"),
            (.tooManyRequests, "too-many-requests", 429, "Too many requests"),
            (.upstreamError, "upstream-error", 502, "Upstream error"),
            (.upstreamUnavailable, "upstream-unavailable", 503, "Upstream unavailable"),
            (.upstreamTimeout, "upstream-timeout", 504, "Upstream timeout"),
            (.storeUnavailable, "store-unavailable", 503, "Store unavailable"),
            (.overloaded, "overloaded", 503, "Service overloaded"),
        ] as [(Code, String, Int, String)])
    func codeHasItsStatusAndTitle(code: Code, word: String, status: Int, title: String) throws {
        expectEqual(code.rawValue, word)
        let response = ProblemDetails(code, "Why.").response(now: Fixtures.now)
        expectEqual(response.status, status)
        // RFC 9110 11.6.1 and 15.5.6: these MUST be there.
        let more: [Int: Field] = [
            401: Field(name: "WWW-Authenticate", value: "Bearer"),
            405: Field(name: "Allow", value: "GET, HEAD, OPTIONS"),
        ]
        expectEqual(
            response.fields,
            [
                Field(name: "Content-Type", value: "application/problem+json"),
                Field(name: "Cache-Control", value: "no-store"),
            ] + [more[status]].compactMap { $0 })
        expectEqual(
            String(decoding: response.body, as: UTF8.self),
            #"{"type":"urn:status-proxy:problem:\#(word)","title":"\#(title)","#
                + #""status":\#(status),"detail":"Why.","code":"\#(word)"}"#)
        let faults = try ContractDocument.ofThisService().violations(
            of: response.json(), schema: "Problem")
        expectEqual(faults, [])
    }

    @Test func contractListsTheSameCodes() throws {
        let contract = try ContractDocument.ofThisService()
        expectEqual(
            contract.values(of: "code", schema: "Problem"), Set(Code.allCases.map(\.rawValue)))
    }

    /// Problems as they are written, for the id of the examples.
    private static func written() throws -> [JSONValue] {
        let now = Fixtures.now
        let parameter = #expect(throws: ProblemDetails.self) {
            _ = try QuestionReader.options(
                Array("wait=x".utf8).span, preferredWait: nil, noneMatch: nil,
                APILimits(configured: [], waitMax: .zero), now: now)
        }
        let problems: [ProblemDetails] = [
            try #require(parameter), .invalidID, .routeNotFound, .methodNotAllowed, .unauthorized,
            .crossSite, .misdirected, .preconditionFailed, .connectionsRefused(now: now),
            .tooManyRequests("checkout", retryAt: now),
        ]
        let ofTheTracker = try Problem.Code.allCases.map { code in
            ProblemDetails(Problem(code: code, retryAt: now, sources: []), id: try Fixtures.id())
        }
        let refusal = Refusal.hostMissing
        return try [ProblemDetails.refusal(status: refusal.status, reason: refusal.reason).json()]
            + (problems + ofTheTracker).map { try $0.response(now: now).json() }
    }

    @Test(arguments: Code.allCases)
    func contractShowsEveryCodeAsItIsWritten(code: Code) throws {
        let examples = try ContractDocument.ofThisService().examples(ofProblem: code.rawValue)
        #expect(!examples.isEmpty)
        let written = try Self.written()
        for example in examples {
            let members = ["type", "title", "status", "detail", "code"]
            let isWritten = written.contains { problem in
                members.allSatisfy { problem[$0] == example[$0] }
            }
            #expect(isWritten, "\(example)")
        }
    }

    // MARK: Without a route

    @Test(arguments: Refusal.allCases)
    func refusalHasTheServersStatusAndReason(refusal: Refusal) throws {
        let response = ProblemDetails.refusal(status: refusal.status, reason: refusal.reason)
        expectEqual(response.status, refusal.status)
        let body = try response.json()
        expectEqual(body["status"], .number("\(refusal.status)"))
        expectEqual(body["detail"]?.string?.contains(": \(refusal.reason). "), true)
        let contract = try ContractDocument.ofThisService()
        expectEqual(contract.violations(ofAnswer: "Refused", response), [])
    }

    @Test func rejectedConnectionGetsRetryAfter() throws {
        let contract = try ContractDocument.ofThisService()
        let response = ProblemDetails.connectionsRefused(now: Fixtures.now).response(
            now: Fixtures.now)
        expectEqual(contract.violations(ofAnswer: "Overloaded", response), [])
    }

    @Test(arguments: [
        (ProblemDetails.crossSite, "CrossSite"), (ProblemDetails.misdirected, "Misdirected"),
    ])
    func refusalOfABrowserKeepsTheContract(problem: ProblemDetails, name: String) throws {
        let contract = try ContractDocument.ofThisService()
        var response = problem.response(now: Fixtures.now)
        response.fields.append(Field(name: "X-Request-Id", value: "r"))
        expectEqual(contract.violations(ofAnswer: name, response), [])
    }

    // MARK: Retry-After

    @Test(
        arguments: [
            (30_000, 30), (29_001, 30), (30_001, 31), (1_000, 1), (1, 1),
            // The time has come, but an immediate request would fail again.
            (0, 1), (-1, 1), (-60_000, 1),
        ])
    func retryAfterIsRoundedUpAndAtLeastOne(milliseconds: Int, seconds: Int) throws {
        let problem = ProblemDetails(
            .upstreamTimeout, "Why.", retryAt: Fixtures.now + .milliseconds(milliseconds),
            sources: [report(.vouchers, "timed-out")])
        let response = problem.response(now: Fixtures.now)
        expectEqual(response.value(of: "Retry-After"), "\(seconds)")
        try expectEqual(response.json()["retry_after"], .number("\(seconds)"))
        expectEqual(response.value(of: "Cache-Control"), "no-store")
        try expectKept(response, path: "/actions/{id}")
    }

    @Test func notFoundActionMayBeCachedUntilTheNextCall() throws {
        let problem = ProblemDetails(
            .actionNotFound, "Why.", retryAt: Fixtures.now + .milliseconds(29_500),
            sources: [report(.vouchers, "not-found")])
        let response = problem.response(now: Fixtures.now)
        expectEqual(response.value(of: "Retry-After"), "30")
        expectEqual(response.value(of: "Cache-Control"), "max-age=30")
        try expectKept(response, path: "/actions/{id}")
        let own = problem.response(now: Fixtures.now, for: .private)
        expectEqual(own.value(of: "Cache-Control"), "private, max-age=30")
        try expectKept(own, path: "/actions/{id}")
    }

    @Test(arguments: Code.allCases)
    func onlyNotFoundActionsMayBeCached(code: Code) {
        let problem = ProblemDetails(code, "Why.", retryAt: Fixtures.now + .seconds(30))
        let expected = code == .actionNotFound ? "max-age=30" : "no-store"
        expectEqual(problem.response(now: Fixtures.now).value(of: "Cache-Control"), expected)
    }

    // MARK: The tracker's problems

    private func report(
        _ source: Source, _ outcome: String, status: Int? = nil, code: String? = nil,
        message: String? = nil
    ) -> Problem.SourceReport {
        Problem.SourceReport(
            source: source, outcome: outcome, httpStatus: status, code: code, message: message)
    }

    @Test(arguments: Problem.Code.allCases)
    func trackerProblemKeepsItsCodeTimeAndSources(code: Problem.Code) throws {
        let sources = [report(.orders, "not-found", status: 404), report(.vouchers, "not-json")]
        let retryAt = code == .ambiguous ? nil : Fixtures.now + .seconds(12)
        let problem = ProblemDetails(
            Problem(code: code, retryAt: retryAt, sources: sources), id: try Fixtures.id())
        expectEqual(problem.code.rawValue, code.rawValue)
        expectEqual(problem.retryAt, retryAt)
        expectEqual(problem.sources, sources)
        try expectKept(problem.response(now: Fixtures.now), path: "/actions/{id}")
    }

    @Test func ambiguityNamesBothAndNoTime() throws {
        let sources = Source.both.map { report($0, "found") }
        let response = ProblemDetails(
            Problem(code: .ambiguous, retryAt: nil, sources: sources), id: try Fixtures.id()
        ).response(now: Fixtures.now)
        expectEqual(response.status, 409)
        #expect(response.value(of: "Retry-After") == nil)
        let body = try response.json()
        #expect(body["retry_after"] == nil)
        expectEqual(
            body["sources"]?.array?.compactMap { $0["source"]?.string }, ["orders", "vouchers"])
        expectEqual(body["detail"]?.string?.contains("source"), true)
        try expectKept(response, path: "/actions/{id}")
    }

    @Test func sourcesAreWrittenWithEveryMember() throws {
        let problem = ProblemDetails(
            .upstreamError, "Why.", retryAt: Fixtures.now + .seconds(3),
            sources: [
                report(.orders, "server-error", status: 500, code: "E1", message: "a \"b\"\n"),
                report(.vouchers, "breaker-open"),
            ])
        let response = problem.response(now: Fixtures.now)
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(
            text.hasSuffix(
                #""retry_after":3,"sources":[{"source":"orders","outcome":"server-error","#
                    + #""http_status":500,"code":"E1","message":"a \"b\"\n"},"#
                    + #"{"source":"vouchers","outcome":"breaker-open","http_status":null,"#
                    + #""code":null,"message":null}]}"#))
        try expectKept(response, path: "/actions/{id}")
    }

    static let outcomes =
        UpstreamFault.Kind.allCases.map(\.rawValue)
        + [
            BlockReason.gate, .paused, .breakerOpen, .upstreamLimit, .store, .quarantine, .draining,
        ].map(\.word) + BudgetKind.allCases.map { BlockReason.budget($0).word } + ["found"]

    @Test(arguments: outcomes)
    func everyOutcomeKeepsTheContract(outcome: String) throws {
        let problem = ProblemDetails(
            .upstreamUnavailable, "Why.", retryAt: Fixtures.now + .seconds(3),
            sources: [report(.vouchers, outcome)])
        try expectKept(problem.response(now: Fixtures.now), path: "/actions/{id}")
    }
}
