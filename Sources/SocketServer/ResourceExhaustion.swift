// Reports to operators that the server cannot accept connections.

/// The process has too few descriptors, or the kernel too little memory, for one more connection.
public enum ResourceExhaustion: Equatable, Sendable {
    /// Connections wait in the kernel; one at a time is accepted and refused.
    case began(errno: Int32)
    case ended
}
