// Large answers take turns: a few of each destination are received and read at a time; the other
// transfers are paused.

internal import CCurl
internal import Dispatch

/// Grants turns, first come, first served. Touched on the driver's queue only.
///
/// One answer of each destination never waits for another's, and a transfer that waits ends by its
/// deadline.
final class BodyTurns {
    /// The right to have a large body in memory. Ends when its last reference is released, which
    /// the body's reader holds.
    final class Turn: Sendable {
        private let end: @Sendable () -> Void

        init(end: @escaping @Sendable () -> Void) { self.end = end }

        deinit { end() }
    }

    private let limits: CurlMulti.Limits
    private let queue: DispatchQueue
    /// By destination; never 0.
    private var running: [String: Int] = [:]
    /// In order of arrival. Bounded by the number of transfers.
    private var waiting: [CurlTransfer] = []

    init(_ limits: CurlMulti.Limits, queue: DispatchQueue) {
        self.limits = limits
        self.queue = queue
    }

    /// Nil: the transfer must pause; it continues when its turn comes.
    func take(_ transfer: CurlTransfer) -> Turn? {
        guard mayBegin(transfer.request.destination) else {
            waiting.append(transfer)
            return nil
        }
        return begin(transfer.request.destination)
    }

    /// The transfer has ended.
    func forget(_ transfer: CurlTransfer) { waiting.removeAll { $0 === transfer } }

    private func mayBegin(_ destination: String) -> Bool {
        let own = running[destination, default: 0]
        return own == 0
            || own < limits.largeBodiesPerDestination
                && running.values.reduce(0, +) < limits.largeBodies
    }

    private func begin(_ destination: String) -> Turn {
        running[destination, default: 0] += 1
        // `nonisolated(unsafe)`: a reader ends its turn on any queue; the turns are touched on the
        // driver's queue only.
        nonisolated(unsafe) weak let turns = self
        return Turn { [queue] in
            queue.async { turns?.end(destination) }
        }
    }

    private func end(_ destination: String) {
        let left = running[destination, default: 1] - 1
        running[destination] = left > 0 ? left : nil
        while let index = waiting.firstIndex(where: { mayBegin($0.request.destination) }) {
            let next = waiting.remove(at: index)
            next.goOn(begin(next.request.destination))
        }
    }
}
