// A small client: requests are sent as text, and bytes are read until something ends.

import Glibc
import SocketServer
import TestSupport

/// One blocking connection with a deadline for every wait.
final class Client {
    enum Ending: Equatable {
        /// FIN.
        case closed
        case reset
        /// Nothing more arrived in time.
        case silence
    }

    private let descriptor: Int32
    private var received: [UInt8] = []

    init?(_ address: BoundAddress, patience: Int = 60_000) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = in_port_t(address.port).bigEndian
        inet_pton(AF_INET, address.host, &place.sin_addr)
        var wait = timeval(tv_sec: patience / 1000, tv_usec: patience % 1000 * 1000)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        let code = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { return nil }
    }

    deinit { close(descriptor) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    func get(_ target: String, _ fields: [String] = []) {
        let lines = ["GET \(target) HTTP/1.1", "Host: sandbox"] + fields
        send(lines.joined(separator: "\r\n") + "\r\n\r\n")
    }

    /// The next complete answer; nil if the connection ends before.
    func answer() -> (status: Int, head: String, body: String)? {
        while true {
            if let answer = takeAnswer() { return answer }
            guard receive() == nil else { return nil }
        }
    }

    /// Reads to the end. Returns what arrived, and how it ended.
    func rest() -> (text: String, ending: Ending) {
        while true {
            if let ending = receive() {
                return (String(decoding: received, as: UTF8.self), ending)
            }
        }
    }

    private func takeAnswer() -> (status: Int, head: String, body: String)? {
        let text = String(decoding: received, as: UTF8.self)
        guard let end = text.utf8Range(of: "\r\n\r\n") else { return nil }
        let head = String(decoding: received[..<end], as: UTF8.self)
        let length =
            head.split(separator: "\r\n").compactMap { line -> Int? in
                let halves = line.split(separator: ":")
                guard halves[0].lowercased() == "content-length" else { return nil }
                return Int(halves[1].filter { $0 != " " })
            }.first ?? 0
        guard received.count >= end + 4 + length else { return nil }
        let body = String(decoding: received[(end + 4)..<(end + 4 + length)], as: UTF8.self)
        received.removeFirst(end + 4 + length)
        return (Int(head.split(separator: " ")[1]) ?? 0, head, body)
    }

    /// One read; how the connection ended, if it did.
    private func receive() -> Ending? {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = uninterrupted { recv(descriptor, &chunk, chunk.count, 0) }
        guard count <= 0 else {
            received += chunk[..<count]
            return nil
        }
        if count == 0 { return .closed }
        return errno == ECONNRESET ? .reset : .silence
    }
}

extension String {
    /// The text's position, in bytes.
    fileprivate func utf8Range(of text: String) -> Int? {
        let here = Array(utf8)
        let wanted = Array(text.utf8)
        guard here.count >= wanted.count else { return nil }
        return (0...(here.count - wanted.count)).first {
            here[$0..<($0 + wanted.count)].elementsEqual(wanted)
        }
    }
}
