// The service manager's end of NOTIFY_SOCKET: a datagram socket that keeps what it receives.

import Foundation
import Glibc

/// A bound socket; `name` is the value of `NOTIFY_SOCKET`.
public final class NotifySocket {
    public let name: String
    private let socket: Int32
    private var received: [[String]] = []

    /// A path, or a name in the abstract namespace.
    public init(isAbstract: Bool) throws {
        let path = FileManager.default.temporaryDirectory.path + "/notify-\(UUID().uuidString)"
        name = isAbstract ? "@" + path : path
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = isAbstract ? [0] + path.utf8 : Array(path.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, length) }
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }

    deinit {
        close(socket)
        if !name.hasPrefix("@") { unlink(name) }
    }

    /// All messages received so far, each a list of assignments.
    public var messages: [[String]] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            guard count >= 0 else { return received }
            let text = String(decoding: bytes.prefix(count), as: UTF8.self)
            received.append(text.split(separator: "\n").map(String.init))
        }
    }

    /// Waits for a message with that assignment, from index `start` on. Returns its index.
    @discardableResult
    public func message(_ assignment: String, from start: Int = 0) async throws -> Int {
        var found: Int?
        try await eventually("\(assignment) in \(messages)") {
            found = messages.indices.dropFirst(start).first { place in
                messages[place].contains { $0.hasPrefix(assignment) }
            }
            return found != nil
        }
        return found ?? messages.endIndex
    }
}
