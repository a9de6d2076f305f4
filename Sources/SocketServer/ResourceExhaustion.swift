// What operators should know about a server that cannot take a connection.

/// The process has too few descriptors, or the kernel too little memory, for one more connection.
public enum ResourceExhaustion: Equatable, Sendable {
    /// Connections wait in the kernel; one at a time is told that there is no room.
    case began(errno: Int32)
    case ended
}
