// Failures of the file store, before they are mapped to the port's failures, and the wait after
// them.

import CSQLite
import StatusCore

/// What happened, named after it. The texts are for operators and name the file or the step.
enum SQLiteFailure: Error, Equatable {
    /// Another process held the file for longer than the store waits.
    case locked(String)
    case full(String)
    case readOnly(String)
    /// SQLite found the file damaged.
    case damaged(String)
    case notADatabase(String)
    /// A database, but of another program.
    case foreign(String)
    /// A store with another schema version.
    case otherSchema(String)
    /// The file was replaced, or lost data of the store, while it was in use.
    case replaced(String)
    case failed(String)

    /// Maps a result code. `step` is the activity that failed.
    init(code: Int32, _ message: String, _ step: String) {
        let text = "\(step): \(message) (\(code))"
        switch code & 0xff {
        case SQLITE_BUSY, SQLITE_LOCKED: self = .locked(text)
        case SQLITE_FULL: self = .full(text)
        case SQLITE_READONLY: self = .readOnly(text)
        case SQLITE_CORRUPT: self = .damaged(text)
        case SQLITE_NOTADB: self = .notADatabase(text)
        default: self = .failed(text)
        }
    }

    var text: String {
        switch self {
        case .locked(let text), .full(let text), .readOnly(let text), .damaged(let text),
            .notADatabase(let text), .foreign(let text), .otherSchema(let text),
            .replaced(let text), .failed(let text):
            text
        }
    }

    /// Whether the next operation may use the connection again.
    var leavesConnectionUsable: Bool {
        switch self {
        // A replaced file is handled when the next operation connects.
        case .locked, .full, .readOnly, .replaced: true
        case .damaged, .notADatabase, .foreign, .otherSchema, .failed: false
        }
    }

    var isLock: Bool {
        if case .locked = self { true } else { false }
    }

    /// Whether the file's content is not what the store wrote.
    var isDamage: Bool {
        switch self {
        case .damaged, .notADatabase: true
        case .locked, .full, .readOnly, .foreign, .otherSchema, .replaced, .failed: false
        }
    }
}

/// Counts failures in a row; after the first the next attempt is made at once, later after a
/// growing wait.
struct BackOff {
    private static let shortest = Duration.milliseconds(100)
    private static let longest = Duration.seconds(5)

    private var failures = 0
    private var until = Instant.distantPast
    private(set) var last: SQLiteFailure?

    /// The failure that forbids another attempt now.
    func failure(at now: Instant) -> SQLiteFailure? { now < until ? last : nil }

    mutating func failed(_ failure: SQLiteFailure, at now: Instant) {
        failures += 1
        last = failure
        guard failures > 1 else { return }
        until = now + min(Self.shortest * (1 << min(failures - 2, 10)), Self.longest)
    }

    mutating func succeeded() { self = BackOff() }
}
