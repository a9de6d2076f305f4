// Floods a database with notifications: any user who may connect to it can.

import Foundation

/// Sessions that send notifications, a few thousand per statement, until they are stopped.
///
/// `@unchecked Sendable`: all mutable state is accessed through `state`.
public final class NotificationFlood: @unchecked Sendable {
    private let state = NSCondition()
    private var isOver = false
    private var running = 0
    private var statements = 0
    private static let statementNotifications = 2000

    /// The number of notifications sent so far.
    public var sent: Int { state.withLock { statements * Self.statementNotifications } }

    /// `payload` is an SQL expression of `n`, which restarts with each statement.
    public init(_ url: String, sessions: Int = 2, payload: String) throws {
        let statement = """
            SELECT count(pg_notify('status_proxy', \(payload)))
            FROM generate_series(1, \(Self.statementNotifications)) AS n
            """
        for _ in 0..<sessions {
            let session = try SQLSession(url)
            running += 1
            Thread.detachNewThread { self.run(statement, on: session) }
        }
    }

    private func run(_ statement: String, on session: SQLSession) {
        while state.withLock({ !isOver }), (try? session.query(statement)) != nil {
            state.withLock { statements += 1 }
        }
        state.withLock {
            running -= 1
            state.broadcast()
        }
    }

    /// Returns once nothing more is sent.
    public func stop() {
        state.withLock {
            isOver = true
            while running > 0 { state.wait() }
        }
    }
}
