import Dispatch
import Glibc
import Locking
import TestSupport
import Testing

@testable import StatusProxy

@Suite(.blocking) struct SupervisionTests {
    private let queue = DispatchQueue(label: "supervision")

    private func supervision(
        _ socket: NotifySocket, _ environment: [String: String] = [:],
        status: @escaping @Sendable () -> String = { "all well" },
        pulse: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
    ) throws -> Supervision {
        var environment = environment
        environment["NOTIFY_SOCKET"] = socket.name
        let manager = try #require(try ServiceManager(environment: environment))
        let supervision = Supervision(manager, queue: queue, status: status, pulse: pulse)
        queue.sync { supervision.started() }
        return supervision
    }

    @Test func changedStatusIsReported() async throws {
        let socket = try NotifySocket(isAbstract: true)
        let status = Guarded("all well")
        let supervision = try supervision(socket, status: { status.withLock { $0 } }) { $0() }
        try await socket.message("STATUS=all well")
        status.withLock { $0 = "orders: paused" }
        try await socket.message("STATUS=orders: paused")
        #expect(!socket.messages.joined().contains("WATCHDOG=1"), "nobody watches")
        withExtendedLifetime(supervision) {}
    }

    @Test func hungProcessSendsNoWatchdogSignal() async throws {
        let socket = try NotifySocket(isAbstract: true)
        let asked = Guarded(0)
        let held = Guarded<(@Sendable () -> Void)?>(nil)
        let supervision = try supervision(socket, ["WATCHDOG_USEC": "40000"]) { done in
            asked.withLock { $0 += 1 }
            held.withLock { $0 = done }
        }
        try await eventually("a check of the work") { held.withLock { $0 != nil } }
        letPass(.milliseconds(100))
        #expect(!socket.messages.joined().contains("WATCHDOG=1"))
        expectEqual(asked.withLock { $0 }, 1, "asked once until it answers")
        held.withLock { $0 }?()
        try await socket.message("WATCHDOG=1")
        withExtendedLifetime(supervision) {}
    }

    @Test(arguments: [
        (["WATCHDOG_USEC": "1000000"], true),
        (["WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "\(getpid())"], true),
        (["WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"], false),
        (["WATCHDOG_USEC": "0"], false), (["WATCHDOG_USEC": "soon"], false), ([:], false),
    ])
    func watchdogIsThatOfThisProcess(environment: [String: String], isWatched: Bool) throws {
        let manager = try ServiceManager(
            environment: environment.merging(["NOTIFY_SOCKET": "@nobody"]) { $1 })
        expectEqual(manager?.watchdog != nil, isWatched)
        let unasked = try ServiceManager(environment: environment)
        #expect(unasked == nil, "no socket, no manager")
    }
}
