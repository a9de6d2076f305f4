// Collects an upstream's response: header lines and body bytes come in from libcurl, the final
// response's fields and body go out.

internal import StatusCore

/// The limits of an answer.
struct ResponseLimits: Sendable {
    /// For the received body, and for the decoded one: a small gzip answer cannot decode to more.
    var bodyBytesMax = 8 * 1024 * 1024
    /// For all header lines together, including those of 1xx responses and trailers.
    var fieldBytesMax = 64 * 1024
    var fieldsMax = 200
    /// Larger bodies take turns.
    var smallBodyBytesMax = 64 * 1024
    /// The same for gzip bodies, which can decode to a thousand times as much.
    var smallGzipBytesMax = 8 * 1024
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

    /// Informational (1xx) responses come before the final one, trailers after it: neither is part
    /// of its fields.
    private enum Section {
        case head
        case afterHead
    }

    init(limits: ResponseLimits) { self.limits = limits }

    /// False until the first byte of an answer has arrived.
    var hasBegun: Bool { fieldBytes > 0 }

    /// False while the final response's header section has not ended.
    var isHeadWhole: Bool { section == .afterHead }

    /// The final response. A body that does not match its content coding is an error only for a
    /// success: otherwise the status decides.
    func reply(status: Int) throws(Gzip.Failure) -> UpstreamReply {
        var reply = UpstreamReply(status: status, fields: fields, body: body)
        guard isGzip else { return reply }
        do throws(Gzip.Failure) {
            reply.body = try Gzip.decode(body, bytesMax: limits.bodyBytesMax)
        } catch {
            if (200..<300).contains(status) || error == .tooLarge { throw error }
            reply.body = []
        }
        return reply
    }

    /// Only gzip was requested. Other values (`identity`, `utf-8`) are no coding, or one that the
    /// body's reader will reject.
    private var isGzip: Bool {
        fields.filter { $0.name == "content-encoding" }
            .flatMap { $0.value.lowercased().split(separator: ",") }
            .contains { ["gzip", "x-gzip"].contains(trimmed($0)) }
    }

    /// Takes one header line with its line end; false: the limit is exceeded, stop.
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

    /// Whether the body is large with that many more bytes.
    func isLarge(with bytes: Int) -> Bool {
        let sum = body.count + bytes
        return sum > limits.smallBodyBytesMax || sum > limits.smallGzipBytesMax && isGzip
    }

    /// Reserves capacity for the announced Content-Length: an array that grows step by step ends up
    /// with up to twice the needed capacity.
    mutating func expectWholeBody() {
        guard let field = fields.first(where: { $0.name == "content-length" }),
            let length = Int(field.value), (0...limits.bodyBytesMax).contains(length)
        else { return }
        body.reserveCapacity(length)
    }

    /// Takes body bytes; false: the limit is exceeded, stop.
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
