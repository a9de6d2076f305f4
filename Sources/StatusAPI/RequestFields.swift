// The fields of a request that have a meaning here, parsed in one pass. Except for the places of
// key and request id, the values outlive the bytes of the head.

public import HTTPWire

/// The values of a request's fields.
public struct RequestFields: Sendable, Equatable {
    /// If-Match and If-None-Match.
    public var preconditions = Preconditions()
    /// The `wait` of Prefer, in seconds (RFC 7240 4.3).
    public var preferredWait: Int?
    /// Accept prefers events to JSON.
    public var prefersEvents = false
    /// Accept-Encoding: how answers may be compressed.
    public var coding = AcceptedCoding.identity
    /// Last-Event-ID: what the client of an event stream has seen already.
    public var lastSeen: ResumePoint?
    /// The trace that the request belongs to, if it can be continued. Nil if the field is repeated.
    public var trace: TraceParent?
    /// X-Request-Id, if it can be echoed.
    public var requestID: RequestID?
    /// The place of a caller's key in the bytes of the head. Nil if the field is repeated.
    public var key: Range<Int>?

    public init() {}

    public init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
        var accept = FieldPlace()
        var acceptEncoding = FieldPlace()
        var authorization = FieldPlace()
        var ifMatch = FieldPlace()
        var ifNoneMatch = FieldPlace()
        var lastEventID = FieldPlace()
        var prefer = FieldPlace()
        var requestIDs = FieldPlace()
        var traceparent = FieldPlace()
        for index in head.fields.indices {
            let field = head.fields[index]
            // The length identifies most names.
            switch field.name.count {
            case 6 where field.isNamed("accept", in: bytes): accept.add(field)
            case 6 where field.isNamed("prefer", in: bytes): prefer.add(field)
            case 8 where field.isNamed("if-match", in: bytes): ifMatch.add(field)
            case 11 where field.isNamed("traceparent", in: bytes): traceparent.add(field)
            case 12 where field.isNamed("x-request-id", in: bytes): requestIDs.add(field)
            case 13 where field.isNamed("if-none-match", in: bytes): ifNoneMatch.add(field)
            case 13 where field.isNamed("authorization", in: bytes): authorization.add(field)
            case 13 where field.isNamed("last-event-id", in: bytes): lastEventID.add(field)
            case 15 where field.isNamed("accept-encoding", in: bytes): acceptEncoding.add(field)
            default: break
            }
        }
        if accept.lines > 0 {
            prefersEvents = accept.list("accept", head, bytes) { AcceptedType.prefersEvents($0) }
        }
        if acceptEncoding.lines > 0 {
            coding = acceptEncoding.list("accept-encoding", head, bytes) { AcceptedCoding($0) }
        }
        if prefer.lines > 0 {
            preferredWait = prefer.list("prefer", head, bytes) { Preference.wait(in: $0) }
        }
        // RFC 9110 13.2.1: a method that selects no representation, such as OPTIONS, has no condition.
        if head.method == .get || head.method == .head {
            if ifMatch.lines > 0 {
                preconditions.match = ifMatch.list("if-match", head, bytes) { TagCondition($0) }
            }
            if ifNoneMatch.lines > 0 {
                preconditions.noneMatch = ifNoneMatch.list("if-none-match", head, bytes) {
                    TagCondition($0)
                }
            }
        }
        if lastEventID.lines > 0 {
            lastSeen = ResumePoint(bytes.extracting(lastEventID.first))
        }
        if traceparent.lines == 1 { trace = TraceParent(bytes.extracting(traceparent.first)) }
        if requestIDs.lines > 0 { requestID = RequestID(at: requestIDs.first, in: bytes) }
        if authorization.lines == 1 { key = BearerKey.find(at: authorization.first, in: bytes) }
    }
}

/// The place of a field's first line, and the number of its lines.
private struct FieldPlace {
    private(set) var first: Range<Int> = 0..<0
    private(set) var lines = 0

    mutating func add(_ field: FieldLine) {
        if lines == 0 { first = field.value }
        lines += 1
    }

    /// Reads all lines of the field as one list (RFC 9110 5.3).
    func list<Value>(
        _ name: StaticString, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
        _ read: (Span<UInt8>) -> Value
    ) -> Value {
        guard lines > 1 else { return read(bytes.extracting(first)) }
        var values: [UInt8] = []
        head.forEachValue(of: name, in: bytes) { value in
            if !values.isEmpty { values += ", ".utf8 }
            for index in value { values.append(bytes[index]) }
        }
        return read(values.span)
    }
}

/// The key in an Authorization field (RFC 6750 2.1): found in place, so that it need not be copied.
enum BearerKey {
    /// A longer key is unknown without a look-up.
    static let bytesMax = 512

    /// The key's place in the bytes of the head; nil with another scheme.
    static func find(at value: Range<Int>, in bytes: Span<UInt8>) -> Range<Int>? {
        let scheme: StaticString = "bearer "
        guard value.count > scheme.utf8CodeUnitCount else { return nil }
        // RFC 9110 11.1: the scheme is case-insensitive.
        for offset in 0..<scheme.utf8CodeUnitCount
        where bytes[value.lowerBound + offset] | 0x20 != scheme.utf8Start[offset] {
            return nil
        }
        var start = value.lowerBound + scheme.utf8CodeUnitCount
        while start < value.upperBound, bytes[start] == UInt8(ascii: " ") { start += 1 }
        let key = start..<value.upperBound
        return (1...bytesMax).contains(key.count) ? key : nil
    }
}
