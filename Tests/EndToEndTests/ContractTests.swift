// Checks the running service's answers against openapi/status-proxy.yaml: routes, statuses, header
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

@Suite(.blocking) struct ContractTests {
    static let probes: [[Probe]] = [

        Probe("GET", "/actions/\(DemoID.order)", "/actions/{id}", 200),
        Probe("GET", "/actions/aa_000000000000000200", "/actions/{id}", 200),
        Probe("GET", "/actions/aa_000000000000001200", "/actions/{id}", 200),
        Probe("GET", "/actions/\(DemoID.order)", "/actions/{id}", 304, ["If-None-Match: *"]),
        Probe("GET", "/actions/\(DemoID.order)", "/actions/{id}", 412, ["If-Match: \"x\""]),
        Probe("GET", "/actions/..", "/actions/{id}", 400),
        Probe("GET", "/actions/\(DemoID.order)?wait=x", "/actions/{id}", 400),
        Probe("GET", "/actions/\(DemoID.missingOrder)", "/actions/{id}", 404),
        Probe("GET", "/actions/known-to-both", "/actions/{id}", 409),
        Probe("GET", "/actions/aa_000000000000000500", "/actions/{id}", 502),
        Probe("GET", "/actions/aa_000000000000000429", "/actions/{id}", 503),
        Probe("GET", "/actions/aa_000000000000002000?source=vouchers", "/actions/{id}", 504),
        Probe("GET", "/actions/aa_000000000000000200/events", "/actions/{id}/events", 200),
        Probe(
            "GET", "/actions/aa_000000000000001200", "/actions/{id}/events", 200,
            ["Accept: text/event-stream"]),
        Probe(
            "GET", "/actions?id=..&id=aa_000000000000000200", "/actions/{id}/events", 200,
            ["Accept: text/event-stream"]),
        Probe(
            "GET", "/actions?id=..", "/actions/{id}/events", 204,
            ["Accept: text/event-stream", "Last-Event-ID: -"]),
        Probe(
            "GET", "/actions/\(DemoID.order)/events", "/actions/{id}/events", 412,
            ["If-Match: \"x\""]),
        Probe("GET", "/actions/../events", "/actions/{id}/events", 400),
        Probe("GET", "/actions/\(DemoID.missingOrder)/events", "/actions/{id}/events", 404),
        Probe("GET", "/actions/known-to-both/events", "/actions/{id}/events", 409),
        Probe("GET", "/actions?id=\(DemoID.order)&id=..&id=known-to-both", "/actions", 200),
        Probe("GET", "/sources", "/sources", 200),
        Probe("GET", "/actions/never-asked/explain", "/actions/{id}/explain", 200),
        Probe(
            "GET", "/actions/never-asked/explain", "/actions/{id}/explain", 200,
            ["Accept: text/plain"]),
        Probe(
            "GET", "/actions/never-asked/explain", "/actions/{id}/explain", 412,
            ["If-Match: \"x\""]),
        Probe("GET", "/actions/../explain", "/actions/{id}/explain", 400),
        Probe("GET", "/actions", "/actions", 400),
        Probe("GET", "/actions?id=\(DemoID.order)", "/actions", 412, ["If-Match: \"x\""]),
        Probe("GET", "/actions?id=\(DemoID.order)", "/actions", 304, ["If-None-Match: *"]),
        Probe("GET", "/actions?id=aa_000000000000000200", "/actions", 200),
        Probe("GET", "/livez", "/livez", 200),
        Probe("GET", "/healthz", "/healthz", 200),
        Probe("GET", "/readyz", "/readyz", 200),
        Probe("GET", "/metrics", "/metrics", 200),
        Probe("GET", "/openapi.yaml", "/openapi.yaml", 200),
        Probe("GET", "/", "/", 200),
    ].map { probe in
        var head = probe
        head.method = "HEAD"
        return [probe, head]
    }

    static let others = [
        Probe("OPTIONS", "/actions/\(DemoID.order)", "/actions/{id}", 204),
        Probe("OPTIONS", "/livez", "/livez", 200),
        Probe("OPTIONS", "/healthz", "/healthz", 200),
        Probe("OPTIONS", "/readyz", "/readyz", 200),
        Probe("POST", "/actions/\(DemoID.order)", "/actions/{id}", 405),
        Probe("DELETE", "/actions", "/actions", 405),
        Probe("OPTIONS", "/actions/\(DemoID.order)/events", "/actions/{id}/events", 204),
        Probe("POST", "/actions/\(DemoID.order)/events", "/actions/{id}/events", 405),
    ]

    /// The requests to one service, in order.
    @Test(arguments: probes + [others])
    func everyAnswerKeepsTheContract(_ probes: [Probe]) async throws {
        let world = try await World(["VOUCHERS_TIMEOUT": "1s"])
        if probes.contains(where: { $0.status == 409 }) { try await world.askUntilAmbiguous() }
        for probe in probes { try expectKept(by: probe, in: world) }
    }

    private func expectKept(by probe: Probe, in world: World) throws {
        let reply = try world.get(probe.path, method: probe.method, fields: probe.fields)
        expectEqual(reply.status, probe.status, "\(probe)")
        let contract = try ContractDocument.ofThisService()
        let violations = contract.violations(
            method: probe.method, path: probe.route, status: reply.status, fields: reply.fields,
            body: reply.body)
        #expect(violations.isEmpty, "\(probe): \(violations)")
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
