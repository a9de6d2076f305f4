// How the bodies of one API are read.

/// Reads the state of an action from a body. Believes nothing that its API does not promise.
public protocol StateReader: Sendable {
    /// The state in the body of a good status.
    func action(
        in body: JSONValue, of source: Source, asked id: ActionID
    ) throws(BodyFault) -> Action

    /// Whether the body of a 404 is the API's own word that it does not know the action, and not that of a
    /// gateway or of a wrong base URL.
    func isNotFound(_ body: JSONValue) -> Bool
}
