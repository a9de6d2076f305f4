// The metrics' text for whoever asks for it: made on a queue of its own, at most once a second, and one
// text for all who wait for it.

import Dispatch
import Locking
import StatusCore

/// Makes the text that scrapes get.
///
/// A text is begun after the scrape that gets it came: a scrape that comes within the interval waits for
/// its end. So however many ask, they cost one text a second, and nobody gets an old one.
final class ScrapeDesk: Sendable {
    static let interval = Duration.seconds(1)

    private let queue = DispatchQueue(label: "status-proxy.metrics")
    private let make: @Sendable () -> [UInt8]
    private let state = Guarded(State())

    /// Bounded by the connections there may be: each has one request under way.
    private struct State: Sendable {
        var waiting: [@Sendable ([UInt8]) -> Void] = []
        var madeAt = Instant.distantPast
    }

    init(make: @escaping @Sendable () -> [UInt8]) { self.make = make }

    /// From any queue; `reply` is called once, on the desk's.
    func ask(_ reply: @escaping @Sendable ([UInt8]) -> Void) {
        let now = SystemClock.now()
        let wait = state.withLock { state -> Duration? in
            state.waiting.append(reply)
            guard state.waiting.count == 1 else { return nil }
            return max(.zero, Self.interval - (now - state.madeAt))
        }
        guard let wait else { return }
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(wait.nanoseconds))) { self.serve() }
    }

    private func serve() {
        let waiting = state.withLock { state in
            state.madeAt = SystemClock.now()
            defer { state.waiting = [] }
            return state.waiting
        }
        let text = make()
        for reply in waiting { reply(text) }
    }
}
