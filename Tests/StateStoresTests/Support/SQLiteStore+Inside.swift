// Access to a running store's connection, for faults that cannot be caused from outside.

import Dispatch
import StatusCore

@testable import StateStores

extension SQLiteStore {
    /// Whether it has asked for changes once: it then notices what others do from now on.
    var isListening: Bool { queue.sync { session.changes.since != nil } }

    /// Runs `body` on the store's queue, with its open connection.
    func onDatabase(
        _ body: @escaping @Sendable (borrowing Database) throws(SQLiteFailure) -> Void
    ) async throws {
        try await withCheckedContinuation { next in
            queue.async {
                next.resume(
                    returning: Result { () throws(SQLiteFailure) in
                        try self.session.withDatabase(body)
                    })
            }
        }.get()
    }
}

extension StoreFailure {
    var text: String {
        switch self {
        case .unavailable(let text): text
        case .closed: "closed"
        }
    }
}
