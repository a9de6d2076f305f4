// What the running service says is held against openapi/status-proxy.yaml: routes, statuses, header
// fields and bodies.

import StatusCore
import TestSupport
import Testing

/// One request, and the route template that it belongs to.
struct Probe: Sendable, CustomTestStringConvertible {
    var method: String
    var path: String
    var route: String
    var status: Int
    var fields: [String] = []

    init(_ method: String, _ path: String, _ route: String, _ status: Int, _ fields: [String] = [])
    {
        self.method = method
        self.path = path
        self.route = route
        self.status = status
        self.fields = fields
    }

    var testDescription: String { "\(method) \(path) → \(status)" }
}

@Suite struct ContractTests {
    static let probes: [Probe] = ["GET", "HEAD"].flatMap { method in
        [
            Probe(method, "/actions/\(DemoID.order)", "/actions/{id}", 200),
            Probe(method, "/actions/aa_000000000000000200", "/actions/{id}", 200),
            Probe(method, "/actions/aa_000000000000001200", "/actions/{id}", 200),
            Probe(method, "/actions/\(DemoID.order)", "/actions/{id}", 304, ["If-None-Match: *"]),
            Probe(method, "/actions/\(DemoID.order)", "/actions/{id}", 412, ["If-Match: \"x\""]),
            Probe(method, "/actions/..", "/actions/{id}", 400),
            Probe(method, "/actions/\(DemoID.order)?wait=x", "/actions/{id}", 400),
            Probe(method, "/actions/\(DemoID.missingOrder)", "/actions/{id}", 404),
            Probe(method, "/actions/known-to-both", "/actions/{id}", 409),
            Probe(method, "/actions/aa_000000000000000500", "/actions/{id}", 502),
            Probe(method, "/actions/aa_000000000000000429", "/actions/{id}", 503),
            Probe(method, "/actions/aa_000000000000002000?source=vouchers", "/actions/{id}", 504),
            Probe(method, "/actions/aa_000000000000000200/events", "/actions/{id}/events", 200),
            Probe(
                method, "/actions/aa_000000000000001200", "/actions/{id}/events", 200,
                ["Accept: text/event-stream"]),
            Probe(
                method, "/actions/\(DemoID.order)/events", "/actions/{id}/events", 412,
                ["If-Match: \"x\""]),
            Probe(method, "/actions/../events", "/actions/{id}/events", 400),
            Probe(method, "/actions/\(DemoID.missingOrder)/events", "/actions/{id}/events", 404),
            Probe(method, "/actions/known-to-both/events", "/actions/{id}/events", 409),
            Probe(method, "/actions?id=\(DemoID.order)&id=..&id=known-to-both", "/actions", 200),
            Probe(method, "/actions/never-asked/explain", "/actions/{id}/explain", 200),
            Probe(
                method, "/actions/never-asked/explain", "/actions/{id}/explain", 412,
                ["If-Match: \"x\""]),
            Probe(method, "/actions/../explain", "/actions/{id}/explain", 400),
            Probe(method, "/actions", "/actions", 400),
            Probe(method, "/actions?id=\(DemoID.order)", "/actions", 412, ["If-Match: \"x\""]),
            Probe(method, "/livez", "/livez", 200),
            Probe(method, "/healthz", "/healthz", 200),
            Probe(method, "/readyz", "/readyz", 200),
            Probe(method, "/metrics", "/metrics", 200),
            Probe(method, "/openapi.yaml", "/openapi.yaml", 200),
            Probe(method, "/", "/", 200),
        ]
    }

    static let others = [
        Probe("OPTIONS", "/actions/\(DemoID.order)", "/actions/{id}", 204),
        Probe("OPTIONS", "/livez", "/livez", 200),
        Probe("OPTIONS", "/readyz", "/readyz", 200),
        Probe("POST", "/actions/\(DemoID.order)", "/actions/{id}", 405),
        Probe("DELETE", "/actions", "/actions", 405),
        Probe("OPTIONS", "/actions/\(DemoID.order)/events", "/actions/{id}/events", 204),
        Probe("POST", "/actions/\(DemoID.order)/events", "/actions/{id}/events", 405),
    ]

    @Test(arguments: probes + others)
    func everyAnswerKeepsTheContract(_ probe: Probe) async throws {
        let world = try await World(["VOUCHERS_TIMEOUT": "1s"])
        let reply = try world.get(probe.path, method: probe.method, fields: probe.fields)
        #expect(reply.status == probe.status)
        let contract = try ContractDocument.ofThisService()
        let violations = contract.violations(
            method: probe.method, path: probe.route, status: reply.status, fields: reply.fields,
            body: reply.body)
        #expect(violations.isEmpty, "\(violations)")
    }

    @Test func everyDescribedRouteIsServed() async throws {
        let world = try await World()
        for operation in try ContractDocument.ofThisService().operations.sorted() {
            let halves = operation.split(separator: " ").map(String.init)
            // A finished one, so that its stream ends.
            let path = halves[1].replacing("{id}", with: "aa_000000000000000200")
            let reply = try world.get(path, method: halves[0])
            #expect(reply.json["code"]?.string != "route-not-found", "\(operation)")
            #expect(reply.status != 405, "\(operation)")
        }
    }
}
