// A file descriptor with one owner, and the failures that keep a server from starting.

import Glibc

/// Closes its descriptor at the end of its life.
struct Descriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    /// Wraps the result of a system call; nil for -1, with errno unchanged.
    init?(returned number: Int32) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    /// Passes the descriptor to another owner, which has to close it.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    deinit { close(number) }
}

/// Why a server could not be started.
public enum SocketFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The host is neither an address nor a name that can be looked up.
    case hostUnknown(host: String, reason: String)
    /// A path for a Unix socket is empty, or longer than the system accepts.
    case pathUnusable(String)
    /// The path has a file that is not a socket, or a socket in use.
    case pathTaken(String)
    case callFailed(call: String, on: String, errno: Int32)

    /// For operators: the call and the system's message.
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
