// Why a contract document cannot be used.

/// A flaw of the document itself: something that the checker does not understand, or an example
/// that breaks its own schema.
public struct ContractFailure: Error, Equatable, CustomStringConvertible {
    /// A JSON pointer into the document.
    public var place: String
    public var reason: String

    init(at place: String, _ reason: String) {
        self.place = place
        self.reason = reason
    }

    public var description: String { "\(place): \(reason)" }
}
