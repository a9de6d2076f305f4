// Reports rejected connections to operators.

/// Why a connection was rejected.
public enum TurnedAway: Equatable, Sendable {
    /// Over the limit of connections: 503.
    case overLimit
    /// Over the limit together with so many others that it was closed before it was read.
    case unheard
    /// There is no descriptor for it: 503.
    case noDescriptor
}
