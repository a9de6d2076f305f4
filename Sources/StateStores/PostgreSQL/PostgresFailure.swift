// Why the shared store could not do something, before the border maps it to the port's words.

/// What happened, named after it. The texts are for operators.
enum PostgresFailure: Error, Equatable {
    /// No connection, or none to a server that takes writes.
    case notConnected(String)
    /// The connection broke; whether the server has carried out what was on its way is not known.
    case lost(String)
    /// No reply in time. It may still come, and then counts for nothing.
    case tooSlow(String)
    /// The server refused a statement.
    case refused(state: String, String)
    /// The schema is not one that this program can work with.
    case wrongSchema(String)
    /// A reply is not of the form that it must have.
    case malformed(String)
    /// More notifications came than are read: somebody floods the channel.
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

    /// The connection is of no more use: another one may lead to the right server or schema.
    var endsConnection: Bool {
        switch self {
        case .notConnected, .lost, .wrongSchema, .malformed, .flooded: true
        case .tooSlow: false
        case .refused(let state, _): Self.statesThatEnd.contains { state.hasPrefix($0) }
        }
    }

    /// SQLSTATEs, or their first letters: the server is a standby now, shuts down or breaks off the
    /// connection; the schema was taken away; the rights were; a statement is not prepared, or was for
    /// other results than it has now.
    private static let statesThatEnd = [
        "25006", "57P", "08", "3F000", "42P01", "42883", "42703", "42704", "42501", "26000",
        "0A000",
    ]
}
