// HAProxy before the service: its health checks, persistent connections, and a seamless restart.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct HAProxyTests {
    private static let readyChecks: [[String]] = [
        ["option httpchk GET /readyz"],
        ["option httpchk", "http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host x"],
        ["option httpchk", "http-check send meth HEAD uri /readyz"],
    ]

    @Test func defaultCheckFindsTheServiceHealthy() async throws {
        let world = try await World()
        // Sends `OPTIONS / HTTP/1.0`.
        let front = try await HAProxy(servicePorts: [world.port], check: ["option httpchk"])
        try await front.said("Health check for server service/s0 succeeded")
        try expectEqual(front.statistic("check_status"), "L7OK")
        try expectEqual(Client.get(port: front.port, "/livez").status, 200)
    }

    @Test(arguments: readyChecks)
    func drainingServiceIsTakenOutWhileItStillServes(check: [String]) async throws {
        let world = try await World(["DRAIN_DELAY": "20s"])
        let front = try await HAProxy(servicePorts: [world.port], check: check)
        try await front.said("Health check for server service/s0 succeeded")
        try expectEqual(front.statistic("check_code"), "200")
        world.proxy.signal(SIGTERM)
        try await front.said("Server service/s0 is DOWN")
        #expect(front.program.text.contains("failed, reason: Layer7 wrong status, code: 503"))
        #expect(world.proxy.isRunning)
        try expectEqual(world.get("/livez").status, 200)
        try expectEqual(Client.get(port: front.port, "/livez").status, 503)
    }

    @Test func connectionsAreReusedAndNoRequestFails() async throws {
        let world = try await World()
        let front = try await HAProxy(servicePorts: [world.port])
        _ = try world.get("/actions/\(DemoID.pendingVoucher)")
        let traffic = Traffic(
            port: front.port, "/actions/\(DemoID.pendingVoucher)", callers: 16)
        try await traffic.untilAnswered(2_000)
        let crowd = await traffic.stop()
        expectEqual(crowd.failures, 0)
        expectEqual(Set(crowd.statuses.keys), [200], "\(crowd.statuses)")
        let reused = try #require(try front.statistic("reuse").flatMap { Int($0) })
        #expect(reused > crowd.requests / 2)
    }
}
