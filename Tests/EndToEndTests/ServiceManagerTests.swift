// What a service manager such as systemd reads from the real program.

import Foundation
import TestSupport
import Testing

@Suite(.blocking) struct ServiceManagerTests {
    @Test(arguments: [false, true])
    func managerReceivesEveryStepOfALife(isAbstract: Bool) async throws {
        let manager = try NotifySocket(isAbstract: isAbstract)
        let world = try await World(["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000"])
        let ready = try await manager.message("READY=1")
        #expect(manager.messages[ready].contains("MAINPID=\(world.proxy.identifier)"))
        #expect(manager.messages[ready].contains { $0.hasPrefix("STATUS=") })
        try expectEqual(world.get("/readyz").status, 200)
        let first = try await manager.message("WATCHDOG=1", from: ready)
        try await manager.message("WATCHDOG=1", from: first + 1)

        world.proxy.signal(SIGHUP)
        let reloading = try await manager.message("RELOADING=1", from: ready)
        let time = try #require(
            manager.messages[reloading].first { $0.hasPrefix("MONOTONIC_USEC=") })
        #expect(Double(time.dropFirst("MONOTONIC_USEC=".count)) ?? .infinity <= Self.monotonic)
        try await manager.message("READY=1", from: reloading)

        world.proxy.signal(SIGTERM)
        try await manager.message("STOPPING=1", from: reloading)
        try await manager.message("STATUS=draining: about to stop", from: reloading)
        try await expectEqual(world.proxy.exitCode(), 0)
    }

    @Test(arguments: ["relative/path", "/" + String(repeating: "x", count: 200)])
    func invalidSocketNameStopsTheStart(name: String) async throws {
        let program = try Program("status-proxy", environment: ["NOTIFY_SOCKET": name])
        try await expectEqual(program.exitCode(), 78)
        #expect(program.text.contains("NOTIFY_SOCKET \(name): "))
    }

    /// CLOCK_MONOTONIC, in microseconds.
    private static var monotonic: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }
}
