// What comes back from an upstream: header lines and body bytes go in as libcurl brings them, the final
// response's fields and body come out.

internal import StatusCore

/// How large an answer may be.
struct ResponseLimits: Sendable {
    /// Of the body as it came, and unfolded: a small gzip answer cannot unfold into more.
    var bodyBytesMax = 8 * 1024 * 1024
    /// Of all header lines together, those of 1xx responses and trailers included.
    var fieldBytesMax = 64 * 1024
    var fieldsMax = 200
    /// Bodies over that are large: they take turns.
    var smallBodyBytesMax = 64 * 1024
    /// The same for folded ones: gzip unfolds to a thousand times as much.
    var smallFoldedBytesMax = 8 * 1024
}

/// Collects one response within limits.
struct ResponseCollector {
    enum Overflow: Equatable {
        case body
        case fields
    }

    private(set) var fields: [UpstreamReply.Field] = []
    private(set) var body: [UInt8] = []
    private(set) var overflow: Overflow?
    private let limits: ResponseLimits
    private var section = Section.head
    private var fieldBytes = 0

    /// Information (1xx) responses come before the final one, trailers after it: neither belongs to its fields.
    private enum Section {
        case head
        case afterHead
    }

    init(limits: ResponseLimits) { self.limits = limits }

    /// False until the first byte of an answer has come.
    var hasBegun: Bool { fieldBytes > 0 }

    /// False while the final response's header section has not ended.
    var isHeadWhole: Bool { section == .afterHead }

    /// The final response. A body that does not fit its content coding fails a success only: with
    /// another status, it is the status that counts.
    func reply(status: Int) throws(Gzip.Failure) -> UpstreamReply {
        var reply = UpstreamReply(status: status, fields: fields, body: body)
        guard isGzip else { return reply }
        do throws(Gzip.Failure) {
            reply.body = try Gzip.unfold(body, bytesMax: limits.bodyBytesMax)
        } catch {
            if (200..<300).contains(status) || error == .tooLarge { throw error }
            reply.body = []
        }
        return reply
    }

    /// Only gzip was asked for. What else the field may hold (`identity`, `utf-8`) is no coding, or
    /// one that the body's reader will not get through.
    private var isGzip: Bool {
        fields.filter { $0.name == "content-encoding" }
            .flatMap { $0.value.lowercased().split(separator: ",") }
            .contains { ["gzip", "x-gzip"].contains(trimmed($0)) }
    }

    /// Takes one header line with its line end; false: too much, stop.
    mutating func takeLine(_ line: UnsafeRawBufferPointer) -> Bool {
        fieldBytes += line.count
        guard fieldBytes <= limits.fieldBytesMax else { return refuse(.fields) }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            startHead()
            return true
        }
        guard section == .head else { return true }
        let content = trimmed(text[...])
        if content.isEmpty {
            section = .afterHead
            return true
        }
        return takeField(content, isContinuation: text.hasPrefix(" ") || text.hasPrefix("\t"))
    }

    /// Whether the body is large with so many bytes more.
    func isLarge(with bytes: Int) -> Bool {
        let sum = body.count + bytes
        return sum > limits.smallBodyBytesMax || sum > limits.smallFoldedBytesMax && isGzip
    }

    /// Makes room for the body that Content-Length announces: an array that grows by and by ends up
    /// with room for twice its bytes.
    mutating func expectWholeBody() {
        guard let field = fields.first(where: { $0.name == "content-length" }),
            let length = Int(field.value), (0...limits.bodyBytesMax).contains(length)
        else { return }
        body.reserveCapacity(length)
    }

    /// Takes body bytes; false: too much, stop.
    mutating func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= limits.bodyBytesMax - body.count else { return refuse(.body) }
        body.append(contentsOf: bytes)
        return true
    }

    private mutating func startHead() {
        section = .head
        fields.removeAll()
    }

    private mutating func takeField(_ content: Substring, isContinuation: Bool) -> Bool {
        if isContinuation {
            guard let last = fields.indices.last else { return true }
            fields[last].value += " " + content
            return true
        }
        guard let colon = content.utf8.firstIndex(of: UInt8(ascii: ":")) else { return true }
        guard fields.count < limits.fieldsMax else { return refuse(.fields) }
        let name = trimmed(content[..<colon]).lowercased()
        let value = trimmed(content[content.utf8.index(after: colon)...])
        fields.append(UpstreamReply.Field(name, String(value)))
        return true
    }

    private mutating func refuse(_ overflow: Overflow) -> Bool {
        self.overflow = overflow
        return false
    }

    private func trimmed(_ text: Substring) -> Substring {
        let bytes = text.utf8
        guard let first = bytes.firstIndex(where: { !Self.isBlank($0) }),
            let last = bytes.lastIndex(where: { !Self.isBlank($0) })
        else { return "" }
        return text[first...last]
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"): true
        default: false
        }
    }
}
