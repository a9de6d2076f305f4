// Whoever may only connect to a database can notify without end.

import Foundation

/// Some sessions that send notifications, a few thousand a statement, until they are told to stop.
///
/// `@unchecked Sendable`: what changes is touched behind `state`.
public final class NotificationFlood: @unchecked Sendable {
    private let state = NSCondition()
    private var isOver = false
    private var running = 0
    private var statements = 0
    private static let statementNotifications = 2000

    /// How many have been sent so far.
    public var sent: Int { state.withLock { statements * Self.statementNotifications } }

    /// `payload` is an SQL expression of `n`, which begins anew with each statement.
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

    /// Comes back once nothing more is sent.
    public func stop() {
        state.withLock {
            isOver = true
            while running > 0 { state.wait() }
        }
    }
}
