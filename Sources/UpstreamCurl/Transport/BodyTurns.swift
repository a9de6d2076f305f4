// Large answers take turns: a few of each destination are collected and read at a time, the others
// wait, and libcurl with them.

internal import CCurl
internal import Dispatch

/// Hands out turns, first come, first served. Touched on the driver's queue only.
///
/// One destination's answers never wait for another's, and a transfer that waits ends by its deadline.
final class BodyTurns {
    /// The right to have a large body in memory. Ends when nobody has it any more: whoever reads the
    /// body keeps it until then.
    final class Turn: Sendable {
        private let end: @Sendable () -> Void

        init(end: @escaping @Sendable () -> Void) { self.end = end }

        deinit { end() }
    }

    private let turnsMax: Int
    private let queue: DispatchQueue
    /// By destination; never 0, never empty.
    private var running: [String: Int] = [:]
    private var waiting: [String: [CurlTransfer]] = [:]

    init(turnsMax: Int, queue: DispatchQueue) {
        self.turnsMax = turnsMax
        self.queue = queue
    }

    /// Nil: the transfer is to pause; it goes on when its turn has come.
    func take(_ transfer: CurlTransfer) -> Turn? {
        let destination = transfer.request.destination
        guard running[destination, default: 0] < turnsMax else {
            waiting[destination, default: []].append(transfer)
            return nil
        }
        return begin(destination)
    }

    /// The transfer has ended.
    func forget(_ transfer: CurlTransfer) {
        let destination = transfer.request.destination
        guard var others = waiting[destination] else { return }
        others.removeAll { $0 === transfer }
        waiting[destination] = others.isEmpty ? nil : others
    }

    private func begin(_ destination: String) -> Turn {
        running[destination, default: 0] += 1
        // `nonisolated(unsafe)`: a reader ends its turn on any queue; the turns are touched on ours.
        nonisolated(unsafe) weak let turns = self
        return Turn { [queue] in
            queue.async { turns?.end(destination) }
        }
    }

    private func end(_ destination: String) {
        let left = running[destination, default: 1] - 1
        running[destination] = left > 0 ? left : nil
        guard var others = waiting[destination] else { return }
        let next = others.removeFirst()
        waiting[destination] = others.isEmpty ? nil : others
        next.goOn(begin(destination))
    }
}
