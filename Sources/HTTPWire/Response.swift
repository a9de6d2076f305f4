// A whole answer as a value, for everything that is not the hot path.

/// An answer. Content-Length, Date and Connection are added by the writer.
public struct Response: Equatable, Sendable {
    public var status: Int
    public var fields: [Field]
    public var body: [UInt8]

    public init(status: Int, fields: [Field] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// One field of an answer.
public struct Field: Equatable, Sendable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What an answer's form depends on, besides the answer: remembered of a request until it is
/// answered.
public struct AnswerShape: Equatable, Sendable {
    /// The request was HEAD: the answer has no content (RFC 9110 9.3.2).
    public var isHead: Bool
    public var version: Version
    /// The connection lives on after the answer.
    public var keepAlive: Bool

    public init(isHead: Bool, version: Version, keepAlive: Bool) {
        self.isHead = isHead
        self.version = version
        self.keepAlive = keepAlive
    }
}
