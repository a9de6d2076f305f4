// The interface for reading the bodies of one API.

/// Reads the state of an action from a body. Relies on nothing that its API does not promise.
public protocol StateReader: Sendable {
    /// The state in the body of a 2xx answer.
    func action(
        in body: JSONValue, of source: Source, asked id: ActionID
    ) throws(BodyFault) -> Action

    /// Whether the body of a 404 shows that the API itself does not know the action, and not a
    /// gateway or a wrong base URL.
    func isNotFound(_ body: JSONValue) -> Bool
}
