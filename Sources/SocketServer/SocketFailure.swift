// What can go wrong before a server serves: which call, on what, and the errno it gave.

import Glibc

/// Why a server could not be started.
public enum SocketFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The host is neither an address nor a name that can be looked up.
    case hostUnknown(host: String, reason: String)
    /// A path for a Unix socket is empty, or longer than the system takes.
    case pathUnusable(String)
    /// Something that is no socket, or a socket somebody listens on, is at the path.
    case pathTaken(String)
    case callFailed(call: String, on: String, errno: Int32)

    /// For operators: the call and the system's own words.
    public var description: String {
        switch self {
        case .hostUnknown(let host, let reason): "cannot look up \(host): \(reason)"
        case .pathUnusable(let path): "cannot use \(path) as a socket path"
        case .pathTaken(let path): "\(path) is in use"
        case .callFailed(let call, let on, let number):
            "\(call) \(on): \(String(cString: strerror(number))) (errno \(number))"
        }
    }
}
