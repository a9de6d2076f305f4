// Operations that wait for their store's queue, in order, up to a bound.

import StatusCore

/// The pending operations.
struct Mailbox {
    private var waiting: [StoreOperation] = []
    private var closers: [@Sendable () -> Void] = []
    private(set) var isClosing = false
    private var isDraining = false
    let waitingMax: Int

    init(waitingMax: Int) { self.waitingMax = waitingMax }

    enum Entry {
        /// The caller has to start the draining.
        case first
        case queued
        case refused(StoreFailure)
    }

    mutating func post(_ operation: StoreOperation) -> Entry {
        guard !isClosing else { return .refused(.closed) }
        guard waiting.count < waitingMax else {
            return .refused(.unavailable("\(waitingMax) operations are waiting for the store"))
        }
        waiting.append(operation)
        return start()
    }

    /// Accepts no further operations.
    mutating func close(_ reply: @escaping @Sendable () -> Void) -> Entry {
        isClosing = true
        closers.append(reply)
        return start()
    }

    /// Puts a purge back for its next step, even beyond the bound.
    mutating func putBack(_ operation: StoreOperation) { waiting.append(operation) }

    mutating func take(atMost count: Int) -> [StoreOperation] {
        let batch = Array(waiting.prefix(count))
        waiting.removeFirst(batch.count)
        return batch
    }

    enum Next {
        case more
        case idle
        case closed([@Sendable () -> Void])
    }

    /// What to do after a batch.
    mutating func next() -> Next {
        guard waiting.isEmpty else { return .more }
        isDraining = false
        guard isClosing else { return .idle }
        defer { closers = [] }
        return .closed(closers)
    }

    private mutating func start() -> Entry {
        defer { isDraining = true }
        return isDraining ? .queued : .first
    }
}
