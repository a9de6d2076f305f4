// What the loops of one server have in common: how many connections there are, who waits for there
// to be none, and the spare descriptors.

import Locking
import Synchronization

/// Counts connections over all loops. Safe from any queue.
final class Tally: Sendable {
    let spares: Spares
    private let connectionsMax: Int
    private let connections = Atomic<Int>(0)
    private let drain: Guarded<Drain>

    private struct Drain {
        /// Loops that still take new connections.
        var accepting: Int
        var waiting: [@Sendable () -> Void] = []
    }

    init(connectionsMax: Int, loops: Int) {
        self.connectionsMax = connectionsMax
        spares = Spares(loops)
        drain = Guarded(Drain(accepting: loops))
    }

    var count: Int { connections.load(ordering: .relaxed) }

    /// Takes one of the places; false when all are taken.
    func enter() -> Bool {
        guard connections.add(1, ordering: .relaxed).newValue > connectionsMax else { return true }
        connections.subtract(1, ordering: .relaxed)
        return false
    }

    /// Gives a place back.
    func leave() {
        // Sequentially consistent with `endedAccepting`: whoever comes last sees both.
        let left = connections.subtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0 { tellIfIdle() }
    }

    /// A loop takes no new connections any more.
    func endedAccepting() {
        drain.withLock { $0.accepting -= 1 }
        tellIfIdle()
    }

    func whenIdle(_ done: @escaping @Sendable () -> Void) {
        drain.withLock { $0.waiting.append(done) }
        tellIfIdle()
    }

    private func tellIfIdle() {
        let waiting = drain.withLock { drain -> [@Sendable () -> Void] in
            guard drain.accepting == 0,
                connections.load(ordering: .sequentiallyConsistent) == 0
            else { return [] }
            defer { drain.waiting = [] }
            return drain.waiting
        }
        for done in waiting { done() }
    }
}
