// The client's end of a connection, with blocking calls that each have a deadline.

import Glibc
import SocketServer
import TestSupport
import Testing

/// One client socket.
final class Peer {
    struct Trouble: Error { var call: String, number: Int32 }

    private(set) var descriptor: Int32
    /// Received and not consumed yet.
    private var buffer: [UInt8] = []
    /// How long any single wait may take before the test fails.
    static let patience: Int32 = 60_000

    init(_ address: BoundAddress, receiveBytes: Int32 = 0) throws {
        if address.host.hasPrefix("unix:") {
            descriptor = try Self.connectUnix(String(address.host.dropFirst(5)))
        } else {
            descriptor = try Self.connectTCP(address, receiveBytes)
        }
    }

    deinit { close() }

    private static func connectTCP(_ address: BoundAddress, _ receiveBytes: Int32) throws -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address.host, String(address.port), &hints, &found) == 0, let found else {
            throw Trouble(call: "getaddrinfo", number: errno)
        }
        defer { freeaddrinfo(found) }
        let number = socket(found.pointee.ai_family, Int32(SOCK_STREAM.rawValue), 0)
        if receiveBytes > 0 {
            var value = receiveBytes
            setsockopt(number, SOL_SOCKET, SO_RCVBUF, &value, 4)
        }
        guard connect(number, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
            throw Trouble(call: "connect", number: errno)
        }
        return number
    }

    private static func connectUnix(_ path: String) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else { throw Trouble(call: "connect", number: errno) }
        return number
    }

    // MARK: Sending and ending

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var position = 0
        while position < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress?.advanced(by: position), $0.count - position,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Trouble(call: "send", number: errno) }
            position += count
        }
    }

    /// Closes the sending side; reading continues.
    func shutdownWrite() { shutdown(descriptor, Int32(SHUT_WR)) }

    func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Closes with a RST.
    func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    // MARK: Receiving

    /// One read; empty at the end of the stream.
    func receiveOnce(atMost count: Int = 65_536) throws -> [UInt8] {
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard uninterrupted({ Int(poll(&ready, 1, Self.patience)) }) == 1 else {
            throw Trouble(call: "poll", number: 0)
        }
        var chunk = [UInt8](repeating: 0, count: count)
        let count = uninterrupted { recv(descriptor, &chunk, chunk.count, 0) }
        guard count >= 0 else { throw Trouble(call: "recv", number: errno) }
        return Array(chunk[..<count])
    }

    /// The next answer; `toHead`: it has no content, whatever its Content-Length.
    func answer(toHead: Bool = false) throws -> Answer {
        while true {
            if let (answer, count) = Answer.parse(buffer, toHead: toHead) {
                buffer.removeFirst(count)
                return answer
            }
            let more = try receiveOnce()
            guard !more.isEmpty else { throw Trouble(call: "end of stream", number: 0) }
            buffer += more
        }
    }

    /// Everything received, up to and including the first occurrence of the text.
    func text(through mark: String) throws -> String {
        let mark = Array(mark.utf8)
        while true {
            let starts = buffer.indices.dropLast(mark.count - 1)
            if let start = starts.first(where: { buffer[$0...].starts(with: mark) }) {
                let end = start + mark.count
                defer { buffer.removeFirst(end) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            let more = try receiveOnce()
            guard !more.isEmpty else { throw Trouble(call: "end of stream", number: 0) }
            buffer += more
        }
    }

    /// Everything up to a read that ends with such a text.
    func rest(through end: String) throws -> String {
        while !buffer.suffix(end.utf8.count).elementsEqual(end.utf8) {
            let more = try receiveOnce()
            guard !more.isEmpty else { throw Trouble(call: "end of stream", number: 0) }
            buffer += more
        }
        defer { buffer = [] }
        return String(decoding: buffer, as: UTF8.self)
    }

    /// True if the server ends the stream without another byte.
    func isEnded() throws -> Bool {
        guard buffer.isEmpty else { return false }
        return try receiveOnce().isEmpty
    }

    /// Everything up to the end of the stream.
    func rest() throws -> String {
        while true {
            let more = try receiveOnce()
            if more.isEmpty { return String(decoding: buffer, as: UTF8.self) }
            buffer += more
        }
    }
}

/// One answer as the client sees it.
struct Answer: Equatable {
    var status: Int
    /// Names in lower case.
    var fields: [String: String]
    var body: String

    static func parse(_ bytes: [UInt8], toHead: Bool) -> (Answer, Int)? {
        guard let end = headEnd(bytes) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self)
            .split(separator: "\r\n", omittingEmptySubsequences: true)
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        let hasNone = toHead || status < 200 || status == 204 || status == 304
        let length = hasNone ? 0 : Int(fields["content-length"] ?? "0") ?? 0
        guard bytes.count >= end + length else { return nil }
        let body = String(decoding: bytes[end..<end + length], as: UTF8.self)
        return (Answer(status: status, fields: fields, body: body), end + length)
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<bytes.count
        where bytes[index] == 10 && bytes[index - 1] == 13 && bytes[index - 2] == 10 {
            return index + 1
        }
        return nil
    }
}
