// A server that gives its first client a fixed answer.

import Dispatch
import Glibc
import Locking

final class CannedServer: Sendable {
    let port: Int
    private let listener: Int32
    /// False once the descriptor is closed, so that its number is not used afterwards.
    private let isOpen = Guarded(true)

    /// Listens on 127.0.0.1 only, at a free port.
    init(_ answer: String) {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        listener = number
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, size) == 0 && listen(number, 8) == 0
                    && getsockname(number, $0, &size) == 0
            }
        }
        guard isListening else { fatalError("no listening socket: \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
        DispatchQueue(label: "canned-server").async { [isOpen] in
            Self.serve(number, answer)
            isOpen.withLock { isOpen in
                close(number)
                isOpen = false
            }
        }
    }

    /// Answers no client any more, and wakes the thread that accepts.
    deinit {
        isOpen.withLock { if $0 { shutdown(listener, Int32(SHUT_RDWR)) } }
    }

    private static func serve(_ listener: Int32, _ answer: String) {
        let caller = accept(listener, nil, nil)
        guard caller >= 0 else { return }
        defer { close(caller) }
        var question = [UInt8](repeating: 0, count: 1024)
        guard recv(caller, &question, question.count, 0) > 0 else { return }
        // In two parts, as on a network.
        let half = answer.utf8.count / 2
        for part in [answer.utf8.prefix(half), answer.utf8.dropFirst(half)] where !part.isEmpty {
            let bytes = Array(part)
            send(caller, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }
}
