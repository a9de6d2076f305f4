// The text of the metrics for scrapes: written on its own queue, at most once a second, one text
// for all scrapes that wait.

import Dispatch
import Locking
import StatusCore

/// Writes the text for scrapes.
///
/// A text is begun after the scrapes that get it arrived: a scrape within the interval waits for
/// its end. So any number of scrapes cost one text a second, and none gets an old text.
final class ScrapeDesk: Sendable {
    static let interval = Duration.seconds(1)

    private let queue = DispatchQueue(label: "status-proxy.metrics")
    private let make: @Sendable () -> [UInt8]
    private let state = Guarded(State())

    /// Bounded by the number of connections: each has one request under way.
    private struct State: Sendable {
        var waiting: [@Sendable ([UInt8]) -> Void] = []
        var madeAt = Instant.distantPast
    }

    init(make: @escaping @Sendable () -> [UInt8]) { self.make = make }

    /// From any queue; `reply` is called once, on the desk's queue.
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
