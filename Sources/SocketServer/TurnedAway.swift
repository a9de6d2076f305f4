// What operators should know about a connection that got no place.

/// Why a connection was closed before anything was asked on it.
public enum TurnedAway: Equatable, Sendable {
    /// Over the limit of connections: 503.
    case overLimit
    /// Over the limit, like so many others at that moment that it was closed before it was read.
    case unheard
    /// There is no descriptor for it: 503.
    case noDescriptor
}
