import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct RouterTests {
    private func code(_ path: String, _ method: HTTPWire.Method = .get) -> ProblemDetails.Code? {
        Asked(method: method, path: path).refusal?.code
    }

    @Test(
        arguments: [
            ("/actions", .actions, "/actions"), ("/livez", .live, "/livez"),
            ("/healthz", .live, "/livez"), ("/readyz", .ready, "/readyz"),
            ("/metrics", .metrics, "/metrics"), ("/sources", .sources, "/sources"),
            ("/openapi.yaml", .openAPI, "/openapi.yaml"),
            ("/", .page, "/"),
        ] as [(String, Route, String)], [HTTPWire.Method.get, .head])
    func pathLeadsToItsRoute(row: (String, Route, String), method: HTTPWire.Method) {
        let route = Asked(method: method, path: row.0, query: "a=b").route
        expectEqual(route, row.1)
        expectEqual(route.name.description, row.2)
    }

    @Test(arguments: [
        "/action", "/Actions", "/actions/a/b", "/actions/a/",
        "/actions/a/events/", "/actions/a/b/events", "/actions/a/Events", "/events",
        "/actions/a/explain/", "/actions/a/explains", "/actions//explain/b", "//actions/a",
        "/actions//a", "/livez/", "/LIVEZ", "/%6civez",
        "/openapi.yml", "/actions.json", "/../livez", "/actions/../livez", "/favicon.ico",
    ])
    func otherPathsLeadNowhere(path: String) throws {
        expectEqual(code(path), .routeNotFound)
        expectEqual(code(path, .post), .routeNotFound)
    }

    @Test func eventsAreASeparateRoute() throws {
        let asked = Asked(path: "/actions/aa%5F1/events")
        #expect(asked.route == .events && asked.id?.text == "aa_1")
        expectEqual(asked.route.name.description, "/actions/{id}/events")
        expectEqual(Asked(path: "/actions/events").route, .action)
        expectEqual(code("/actions/../events"), .invalidID)
        expectEqual(code("/actions//events"), .invalidID)
        expectEqual(code("/actions/a/events", .post), .methodNotAllowed)
    }

    @Test func routeNotFoundKeepsTheContract() throws {
        let problem = try #require(Asked(path: "/nowhere").refusal)
        let response = problem.response(now: Fixtures.now)
        let faults = try ContractDocument.ofThisService().violations(
            method: "GET", path: "/nowhere", response.named)
        expectEqual(faults, [])
    }

    @Test func anActionsExplanationIsASeparateRoute() throws {
        let asked = Asked(path: "/actions/aa%5f1/explain")
        #expect(asked.route == .explain && asked.id?.text == "aa_1")
        expectEqual(asked.route.name.description, "/actions/{id}/explain")
        expectEqual(code("/actions/../explain"), .invalidID)
        expectEqual(code("/actions/aa_1/explain", .post), .methodNotAllowed)
    }

    // MARK: Ids

    @Test(arguments: [
        ("a", "a"), ("7", "7"), ("aa_0adad13d6f057f088e", "aa_0adad13d6f057f088e"),
        ("1ba5fc4b-c4fd-4251-880b-3052e301bbd4", "1ba5fc4b-c4fd-4251-880b-3052e301bbd4"),
        ("A._~:-9", "A._~:-9"), ("a..", "a.."),
        // RFC 3986 2.3: an escaped unreserved character is that character.
        ("%61a%5f1", "aa_1"), ("a%3Ab", "a:b"), ("a%7E", "a~"), ("%41", "A"),
    ])
    func segmentIsAnIDAfterDecoding(segment: String, id: String) throws {
        let asked = Asked(path: "/actions/\(segment)")
        #expect(asked.route == .action && asked.id?.text == id)
        expectEqual(asked.route.name.description, "/actions/{id}")
    }

    @Test(arguments: [
        // Empty, and characters that no id has.
        "", "%20", "a%20", "a%09", "a%0d%0a", "a%00", "a+b", "a@b", "a,b", "a%c3%a9", "a=b", "a%22",
        // A first character other than a letter or digit.
        "_a", "-a", ".a", "~a", ":a",
        // Escapes from the upstream's path, encoded once and twice.
        "..", ".", "%2e%2e", "%2e%2e%2f", "%2e%2e%2fa", "a%2f", "a%2F..%2Fb", "a%5c..", "a%252f",
        "a%3fb", "a%23b", "a%25",
        // Broken escapes, and octets that are not text.
        "a%", "a%2", "a%zz", "a%ff", "%c3", "a%ed%a0%80",
    ])
    func segmentThatIsNoIDIsRefused(segment: String) {
        expectEqual(code("/actions/\(segment)"), .invalidID)
    }

    @Test(arguments: [(0, false), (1, true), (128, true), (129, false), (4096, false)])
    func idHasOneTo128Characters(count: Int, isID: Bool) {
        let plain = String(repeating: "a", count: count)
        expectEqual(code("/actions/\(plain)"), isID ? nil : .invalidID)
        let escaped = String(repeating: "%61", count: count)
        expectEqual(code("/actions/\(escaped)"), isID ? nil : .invalidID)
    }

    @Test(arguments: ["a", "_a", "a b", "aé", "a\n", "aa_1", "", "A._~:-9", "-"])
    func contractAndRouterAcceptTheSameIDs(text: String) throws {
        let faults = try ContractDocument.ofThisService().violations(
            of: .string(text), schema: "ActionID")
        expectEqual(faults.isEmpty, ActionID(text) != nil)
    }

    @Test func invalidIDKeepsTheContract() throws {
        let problem = try #require(Asked(path: "/actions/..").refusal)
        try expectKept(problem.response(now: Fixtures.now), path: "/actions/{id}")
    }

    // MARK: Methods

    @Test(
        arguments: [
            "/actions/a", "/actions", "/livez", "/healthz", "/readyz", "/metrics", "/sources",
            "/openapi.yaml",
        ], [HTTPWire.Method.post, .put, .delete, .patch, .trace, .connect, .query])
    func otherMethodsGetTheAllowedOnes(path: String, method: HTTPWire.Method) throws {
        let problem = try #require(Asked(method: method, path: path).refusal)
        expectEqual(problem.code, .methodNotAllowed)
        let response = problem.response(now: Fixtures.now)
        #expect(response.fields.contains(Field(name: "Allow", value: "GET, HEAD, OPTIONS")))
        try expectKept(response, method: method.rawValue, path: path)
    }

    @Test func badIDIsReportedBeforeAWrongMethod() {
        expectEqual(code("/actions/..", .post), .invalidID)
    }

    @Test(arguments: ["/", "/actions/a", "/actions", "/metrics", "/sources", "/openapi.yaml"])
    func optionsListsTheMethods(path: String) {
        let route = Asked(method: .options, path: path).route
        expectEqual(route, .options)
        expectEqual(route.name.description, "OPTIONS")
    }

    @Test func optionsOfTheWholeServerListsTheMethods() throws {
        let asked = try Asked(parsing: "OPTIONS * HTTP/1.0\r\n\r\n")
        expectEqual(asked.route, .options)
    }

    @Test(
        arguments: [("/livez", .live), ("/healthz", .live), ("/readyz", .ready)]
            as [(String, Route)])
    func optionsOfAHealthRouteIsAHealthCheck(path: String, route: Route) {
        expectEqual(Asked(method: .options, path: path).route, route)
    }

    @Test(
        arguments: ["/livez", "/healthz", "/readyz"], [HTTPWire.Method.get, .head, .options])
    func healthCheckIsKnownAsOne(path: String, method: HTTPWire.Method) {
        #expect(Asked(method: method, path: path, query: "a=b").isHealthCheck)
    }

    @Test func optionsOfTheServerIsAHealthCheck() {
        #expect(Asked(method: .options, path: "/").isHealthCheck)
        #expect(Asked(method: .options, form: .asterisk, path: "").isHealthCheck)
    }

    @Test(arguments: [
        (HTTPWire.Method.post, "/livez"), (.get, "/"), (.get, "/metrics"), (.get, "/actions/a"),
        (.options, "/actions/a"), (.options, "/metrics"), (.get, "/livez/"), (.get, "/actions/.."),
    ])
    func otherRequestIsNoHealthCheck(method: HTTPWire.Method, path: String) {
        #expect(!Asked(method: method, path: path).isHealthCheck)
    }

    @Test func optionsOfNoRouteIsNotFound() {
        expectEqual(code("/nowhere", .options), .routeNotFound)
        expectEqual(code("/actions/..", .options), .invalidID)
    }

    // MARK: Contract

    @Test func everyDocumentedOperationIsServed() throws {
        for operation in try ContractDocument.ofThisService().operations {
            let parts = operation.split(separator: " ").map(String.init)
            let method = try #require(Method(rawValue: parts[0]))
            let path = parts[1].replacing("{id}", with: "aa_1")
            #expect(code(path, method) == nil, "\(operation)")
        }
    }

    @Test func everyServedRouteIsDocumented() throws {
        let paths = [
            "/actions/{id}", "/actions/{id}/events", "/actions/{id}/explain", "/actions", "/livez",
            "/healthz", "/readyz", "/metrics", "/sources", "/openapi.yaml", "/",
        ]
        let served = paths.flatMap { path in ["GET", "HEAD", "OPTIONS"].map { "\($0) \(path)" } }
        let documented = try ContractDocument.ofThisService().operations
        expectEqual(documented, Set(served))
    }
}
