// A request as the API sees it: the parts of an HTTP request that mean something here.

public import HTTPWire

/// The parts of a request that the API reads. Everything is raw: decoding is the readers' work.
public struct APIRequest: Sendable, Equatable {
    public var method: Method
    public var form: TargetForm
    /// Percent-encoded, as it came; "/" for an absolute target without a path.
    public var path: String
    /// What follows "?", as it came.
    public var query: String?
    /// The values of If-Match, joined as a list (RFC 9110 5.3).
    public var ifMatch: String?
    /// The values of If-None-Match, joined as a list.
    public var ifNoneMatch: String?
    /// The values of Prefer, joined as a list.
    public var prefer: String?
    /// The values of Accept, joined as a list.
    public var accept: String?
    /// Last-Event-ID, as it came.
    public var lastEventID: String?
    /// The trace that the request belongs to, if it can be continued.
    public var trace: TraceParent?
    /// X-Request-Id, as it came.
    public var requestID: String?

    public init(
        method: Method = .get, form: TargetForm = .origin, path: String, query: String? = nil,
        ifMatch: String? = nil, ifNoneMatch: String? = nil, prefer: String? = nil,
        accept: String? = nil, lastEventID: String? = nil, trace: TraceParent? = nil,
        requestID: String? = nil
    ) {
        self.method = method
        self.form = form
        self.path = path
        self.query = query
        self.ifMatch = ifMatch
        self.ifNoneMatch = ifNoneMatch
        self.prefer = prefer
        self.accept = accept
        self.lastEventID = lastEventID
        self.trace = trace
        self.requestID = requestID
    }

    /// Takes the parts out of a parsed head and the bytes that it was parsed from.
    public init(_ head: borrowing RequestHead, bytes: Span<UInt8>) {
        func text(_ range: Range<Int>) -> String {
            bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
        func list(_ name: StaticString) -> String? {
            var values: [String] = []
            head.forEachValue(of: name, in: bytes) { values.append(text($0)) }
            return values.isEmpty ? nil : values.joined(separator: ", ")
        }
        method = head.method
        form = head.form
        path = head.path.isEmpty ? "/" : text(head.path)
        query = head.query.map(text)
        ifMatch = list("if-match")
        ifNoneMatch = list("if-none-match")
        prefer = list("prefer")
        accept = list("accept")
        lastEventID = head.firstValue(of: "last-event-id", in: bytes).map(text)
        // Two of them are none.
        if head.count(of: "traceparent", in: bytes) == 1,
            let value = head.firstValue(of: "traceparent", in: bytes)
        {
            trace = TraceParent(bytes.extracting(value))
        }
        requestID = head.firstValue(of: "x-request-id", in: bytes).map(text)
    }
}
