// A whole answer as a value, for everything but the fast path.

/// An answer. The writer adds Content-Length, Date and Connection.
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

/// The properties of a request that determine the form of its answer.
public struct AnswerShape: Equatable, Sendable {
    /// The request was HEAD: the answer has no content (RFC 9110 9.3.2).
    public var isHead: Bool
    public var version: Version
    /// The connection persists after the answer.
    public var keepAlive: Bool

    public init(isHead: Bool, version: Version, keepAlive: Bool) {
        self.isHead = isHead
        self.version = version
        self.keepAlive = keepAlive
    }
}
