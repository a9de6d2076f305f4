// A plain HTTP client on a blocking socket: one connection, requests one after the other.

import Glibc
import StatusCore
import TestSupport

/// An answer as it arrived.
struct Reply: Sendable {
    var status: Int
    /// Names in lower case.
    var fields: [(name: String, value: String)]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    subscript(field: String) -> String? { fields.first { $0.name == field }?.value }

    /// The body as JSON, or null.
    var json: JSONValue { (try? JSONReader.read(body)) ?? .null }
}

/// Speaks HTTP/1.1 to a port of this machine.
struct Client: ~Copyable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    init(port: Int, timeoutSeconds: Int = 60) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure("socket") }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Self.failure("connect") }
    }

    deinit { close(descriptor) }

    /// One request on its own connection.
    static func get(
        port: Int, _ path: String, method: String = "GET", fields: [String] = [],
        body: String = ""
    ) throws -> Reply {
        var client = try Client(port: port)
        return try client.request(path, method: method, fields: fields, body: body)
    }

    mutating func request(
        _ path: String, method: String = "GET", fields: [String] = [], body: String = ""
    ) throws -> Reply {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost"] + fields
        if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
        try send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
        return try receive(isHead: method == "HEAD")
    }

    func send(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Self.failure("send") }
            bytes = bytes.dropFirst(count)
        }
    }

    mutating func receive(isHead: Bool = false) throws -> Reply {
        let head = try take(through: Array("\r\n\r\n".utf8))
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first, let status = Int(first.split(separator: " ")[1]) else {
            throw Failure(description: "not an answer: \(lines)")
        }
        let fields = lines.dropFirst().map { line in
            let halves = line.split(separator: ":", maxSplits: 1)
            let value = halves.count > 1 ? halves[1].drop { $0 == " " } : ""
            return (name: halves[0].lowercased(), value: String(value))
        }
        var reply = Reply(status: status, fields: fields, body: [])
        if !isHead, let length = reply["content-length"].flatMap({ Int($0) }) {
            reply.body = try take(count: length)
        } else if !isHead, reply["transfer-encoding"] == "chunked" {
            reply.body = try takeChunks()
        }
        return reply
    }

    private mutating func takeChunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let line = try take(through: Array("\r\n".utf8)).dropLast(2)
            guard let size = Int(String(decoding: line, as: UTF8.self), radix: 16) else {
                throw Failure(description: "not the size of a chunk: \(line)")
            }
            body += try take(count: size)
            _ = try take(count: 2)
            if size == 0 { return body }
        }
    }

    private mutating func take(through mark: [UInt8]) throws -> [UInt8] {
        while true {
            if let end = buffer.indices.first(where: { buffer[$0...].starts(with: mark) }) {
                return try take(count: end + mark.count)
            }
            try fill()
        }
    }

    private mutating func take(count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    private mutating func fill() throws {
        var piece = [UInt8](repeating: 0, count: 65_536)
        let count = uninterrupted { recv(descriptor, &piece, piece.count, 0) }
        guard count > 0 else { throw Self.failure("recv") }
        buffer += piece[..<count]
    }

    private static func failure(_ call: String) -> Failure {
        Failure(description: "\(call): \(String(cString: strerror(errno)))")
    }
}
