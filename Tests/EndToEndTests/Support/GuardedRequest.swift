// One request of each kind that caller keys guard: routes that show actions, calls or callers.

/// A GET, and the type of content that it accepts.
struct GuardedRequest: Sendable {
    var path: String
    var accept = "*/*"

    var fields: [String] { ["Accept: \(accept)"] }

    /// With a finished action their streams end.
    static func all(_ id: String) -> [GuardedRequest] {
        let events = "text/event-stream"
        let many = "/actions?id=\(id)&id=.."
        return [
            GuardedRequest(path: "/actions/\(id)"),
            GuardedRequest(path: "/actions/\(id)", accept: events),
            GuardedRequest(path: "/actions/\(id)/events"),
            GuardedRequest(path: "/actions/\(id)/explain"),
            GuardedRequest(path: many),
            GuardedRequest(path: many, accept: events),
            GuardedRequest(path: "/sources"),
            GuardedRequest(path: "/metrics"),
        ]
    }
}
