// Failures of the shared store, before they are mapped to the port's failures.

/// What happened, named after it. The texts are for operators.
enum PostgresFailure: Error, Equatable {
    /// No connection, or none to a server that accepts writes.
    case notConnected(String)
    /// The connection broke; it is unknown whether the server has carried out pending statements.
    case lost(String)
    /// No reply in time. A late reply is discarded.
    case tooSlow(String)
    /// The server refused a statement.
    case refused(state: String, String)
    /// The schema is not one that this program supports.
    case wrongSchema(String)
    /// A reply has an invalid form.
    case malformed(String)
    /// More notifications arrived than are read: the channel is flooded.
    case flooded

    var text: String {
        switch self {
        case .notConnected(let text), .lost(let text), .tooSlow(let text), .wrongSchema(let text),
            .malformed(let text):
            text
        case .flooded: "too many notifications"
        case .refused(let state, let text): "\(text) (\(state))"
        }
    }

    /// Whether the connection cannot be used any more; another one may lead to the right server or
    /// schema.
    var endsConnection: Bool {
        switch self {
        case .notConnected, .lost, .wrongSchema, .malformed, .flooded: true
        case .tooSlow: false
        case .refused(let state, _): Self.statesThatEnd.contains { state.hasPrefix($0) }
        }
    }

    /// SQLSTATEs, or their first characters: the server has become a standby, shuts down or ends
    /// the connection; the schema or the rights were removed; a statement is not prepared, or its
    /// result type has changed.
    private static let statesThatEnd = [
        "25006", "57P", "08", "3F000", "42P01", "42883", "42703", "42704", "42501", "26000",
        "0A000",
    ]
}
