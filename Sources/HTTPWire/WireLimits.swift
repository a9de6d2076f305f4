// All limits of HTTP requests. A request that exceeds one is refused; nothing grows without a
// limit.

/// The largest parts of a request that are accepted.
public struct WireLimits: Sendable {
    /// Request line and header section together, their last empty line included: 431.
    public var headBytesMax = 16 * 1024
    /// The request target: 414. RFC 9112 3 asks for at least 8000.
    public var targetBytesMax = 8 * 1024
    /// The method: 501 (RFC 9112 3: longer than any that is implemented).
    public var methodBytesMax = 32
    /// Field lines in the header section, and again in the trailer section: 431.
    public var fieldsMax = 100
    /// Content that is read, after removal of the chunked coding: 413.
    public var contentBytesMax = 64 * 1024
    /// One chunk's size with its extensions: 400.
    public var chunkLineBytesMax = 1024
    /// All chunk extensions of a message together (RFC 9112 7.1.1): 413.
    public var chunkExtensionBytesMax = 4 * 1024
    /// The whole trailer section: 431.
    public var trailerBytesMax = 4 * 1024
    /// Empty lines before a request line (RFC 9112 2.2): 400.
    public var leadingEmptyLinesMax = 4

    public init() {}

    /// The whole request line: method, target, "HTTP/1.1" and two spaces.
    var requestLineBytesMax: Int { methodBytesMax + targetBytesMax + 10 }
}
