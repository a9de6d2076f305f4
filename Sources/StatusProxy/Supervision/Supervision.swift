// Reports to the service manager: ready, reloading, stopping, the watchdog's signal, and the state
// in words.

import Dispatch
import Glibc
import StatusCore

/// Reports the state of the service to the service manager.
///
/// `@unchecked Sendable`: its variables are touched on `queue` only, on which all its functions are
/// called.
final class Supervision: @unchecked Sendable {
    private let manager: ServiceManager
    private let queue: DispatchQueue
    private let status: @Sendable () -> String
    private let pulse: @Sendable (_ done: @escaping @Sendable () -> Void) -> Void
    private let timer: any DispatchSourceTimer
    /// The status that was sent last.
    private var sentStatus = ""
    private var isPulseAwaited = false

    /// How often the status is checked.
    private static let interval = Duration.seconds(1)

    /// `status` returns one line. `pulse` calls back once the engine and every loop have responded:
    /// if one hangs, the watchdog gets no signal.
    init(
        _ manager: ServiceManager, queue: DispatchQueue, status: @escaping @Sendable () -> String,
        pulse: @escaping @Sendable (_ done: @escaping @Sendable () -> Void) -> Void
    ) {
        self.manager = manager
        self.queue = queue
        self.status = status
        self.pulse = pulse
        timer = DispatchSource.makeTimerSource(queue: queue)
    }

    /// Reports that the service listens: dependent services may start.
    func started() {
        sentStatus = status()
        manager.send("READY=1", "STATUS=\(sentStatus)", "MAINPID=\(getpid())")
        // systemd advises half the watchdog's time; twice as often leaves room for a busy machine.
        let interval = min(Self.interval, manager.watchdog.map { $0 / 4 } ?? Self.interval)
        timer.setEventHandler { [weak self] in self?.check() }
        timer.schedule(
            deadline: .now(), repeating: .nanoseconds(Int(interval.nanoseconds)),
            leeway: .milliseconds(50))
        timer.activate()
    }

    func reloading() {
        let microseconds = SystemClock.monotonic() / .microseconds(1)
        manager.send("RELOADING=1", "MONOTONIC_USEC=\(Int64(microseconds))")
    }

    func reloaded() { manager.send("READY=1") }

    func stopping() {
        manager.send("STOPPING=1")
        check()
    }

    private func check() {
        let status = status()
        if status != sentStatus, manager.send("STATUS=\(status)") { sentStatus = status }
        guard manager.watchdog != nil, !isPulseAwaited else { return }
        isPulseAwaited = true
        pulse { self.queue.async { self.isAtWork() } }
    }

    private func isAtWork() {
        isPulseAwaited = false
        manager.send("WATCHDOG=1")
    }
}
