// A client socket that sends any bytes, valid or not, and returns the bytes received.

import Glibc
import TestSupport

/// One TCP connection to a port of this machine. Every wait has a deadline.
final class RawSocket {
    private var descriptor: Int32
    /// Received and not consumed yet.
    private var buffer: [UInt8] = []
    /// How long any single wait may take, in milliseconds, before the test fails.
    private static let patience: Int32 = 60_000

    /// `receiveBytes`: the size of the kernel's receive buffer, for readers that are slow.
    init(port: Int, isIPv6: Bool = false, receiveBytes: Int32 = 0) throws {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, kind, 0)
        guard descriptor >= 0 else { throw Self.failure("socket") }
        if receiveBytes > 0 {
            var value = receiveBytes
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &value, 4)
        }
        var (address, ipv6) = (LoopbackAddress.of(port: port), LoopbackAddress.ofIPv6(port: port))
        let code =
            isIPv6
            ? LoopbackAddress.with(&ipv6) { connect(descriptor, $0, $1) }
            : LoopbackAddress.with(&address) { connect(descriptor, $0, $1) }
        guard code == 0 else {
            let failure = Self.failure("connect")
            close()
            throw failure
        }
    }

    deinit { close() }

    // MARK: Sending and ending

    func send(_ text: String) throws { try send(Array(text.utf8)[...]) }

    func send(_ bytes: ArraySlice<UInt8>) throws {
        var bytes = bytes
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Self.failure("send") }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Closes the sending side; reading continues.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// Closes with a RST.
    func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
        close()
    }

    // MARK: Receiving

    /// Whether bytes, or the end of the stream, have arrived.
    var isReadable: Bool { waitUntilReadable(milliseconds: 0) }

    /// The next answer.
    func reply(isHead: Bool = false) throws -> Reply {
        while true {
            if let (reply, count) = ReplyReader.read(buffer, isHead: isHead) {
                buffer.removeFirst(count)
                return reply
            }
            guard try fill() else {
                let text = String(decoding: buffer, as: UTF8.self)
                throw Client.Failure(description: "the stream ended after: \(text)")
            }
        }
    }

    /// All answers up to the end of the stream; a reset is an end, too.
    func repliesToTheEnd() throws -> [Reply] {
        let bytes = try rest()
        var replies: [Reply] = []
        var position = 0
        while let (reply, count) = ReplyReader.read(Array(bytes[position...]), isHead: false) {
            replies.append(reply)
            position += count
        }
        return replies
    }

    /// True when the stream ends without another byte.
    func isEnded() throws -> Bool { try rest().isEmpty }

    /// Everything up to the end of the stream.
    func rest() throws -> [UInt8] {
        while try fill() {}
        defer { buffer = [] }
        return buffer
    }

    /// What comes next, however little; nil at the end of the stream.
    func piece() throws -> [UInt8]? {
        guard try fill() else { return nil }
        defer { buffer = [] }
        return buffer
    }

    /// False at the end of the stream.
    private func fill() throws -> Bool {
        guard waitUntilReadable(milliseconds: Self.patience) else {
            throw Client.Failure(description: "nothing came in time")
        }
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = uninterrupted { recv(descriptor, &piece, piece.count, 0) }
        guard count > 0 else {
            guard count == 0 || errno == ECONNRESET else { throw Self.failure("recv") }
            return false
        }
        buffer += piece[..<count]
        return true
    }

    private func waitUntilReadable(milliseconds: Int32) -> Bool {
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return uninterrupted { Int(poll(&ready, 1, milliseconds)) } == 1
    }

    private static func failure(_ call: String) -> Client.Failure {
        Client.Failure(description: "\(call): \(String(cString: strerror(errno)))")
    }
}

/// Splits bytes into answers, by Content-Length only.
enum ReplyReader {
    /// The first answer and its length; nil if it is incomplete.
    static func read(_ bytes: [UInt8], isHead: Bool) -> (Reply, Int)? {
        guard let end = headEnd(bytes) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count > 1, let status = Int(words[1]) else { return nil }
        let fields = lines.dropFirst().map { line in
            let halves = line.split(separator: ":", maxSplits: 1)
            let value = halves.count > 1 ? halves[1].drop { $0 == " " } : ""
            return (name: halves[0].lowercased(), value: String(value))
        }
        var reply = Reply(status: status, fields: fields, body: [])
        let hasNone = isHead || status < 200 || status == 204 || status == 304
        let length = hasNone ? 0 : reply["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count >= end + length else { return nil }
        reply.body = Array(bytes[end..<end + length])
        return (reply, end + length)
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
