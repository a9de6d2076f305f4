// Answers come in, bytes go out: appended to one reused buffer, so that a warm writer allocates
// nothing.

/// Writes consecutive answers, and streams.
///
/// Adds Date, Content-Length and Connection; omits the content where there must be none.
public struct ResponseWriter: Sendable {
    /// The bytes written so far, without those in `shared`.
    public private(set) var output: [UInt8] = []
    /// Large contents, in the order of their places in `output`.
    public private(set) var shared: [SharedContent] = []
    /// The size of all contents in `shared`.
    public private(set) var sharedBytes = 0
    /// Content of at least that size is not copied into `output`, but added to `shared`. For
    /// callers that send both.
    public var sharedBytesMin = Int.max
    private var shape = AnswerShape(isHead: false, version: .http11, keepAlive: true)
    private var isDone = false
    private var status = 0
    private var answerStart = 0
    private var date: [UInt8] = []
    private var dateSecond = Int.min

    /// The status line with the longest phrase, Date, Content-Length, Connection, and room for a
    /// number that is written eight digits at a time.
    private static let frameBytesMax = 256

    /// Content that follows the given number of bytes of the output.
    public struct SharedContent: Sendable {
        public let outputBytes: Int
        public let bytes: ArraySlice<UInt8>
    }

    public init() {
        setDate(secondsSince1970: 0)
    }

    // MARK: One answer

    /// Writes an answer whose content is in two pieces, of which the first may be large: the status
    /// line, the output of `fields`, and the rest.
    ///
    /// `fields` writes at most `fieldBytesMax` bytes, each line with its line end.
    ///
    /// - Precondition: no part of this answer has been written.
    @inline(__always)
    public mutating func write(
        status: Int, fieldBytesMax: Int, content first: ArraySlice<UInt8> = [],
        _ second: Span<UInt8> = Span(), fields: (inout OutputCursor) -> Void
    ) {
        precondition(!isDone, "an answer is written once")
        precondition((200...599).contains(status), "final statuses have three digits")
        isDone = true
        self.status = status
        // RFC 9112 6.3 item 1: HEAD, 204 and 304 end with the header section.
        let hasContent = !shape.isHead && status != 204 && status != 304
        let isShared = first.count >= sharedBytesMin
        let contentBytes = first.count + second.count
        let bytesMax =
            Self.frameBytesMax + fieldBytesMax + (hasContent && !isShared ? contentBytes : 0)
        Self.append(to: &output, bytesMax, date, shape, status) { output in
            fields(&output)
        } afterDate: { output in
            // RFC 9110 8.6: MUST NOT be sent with 204. A 304 may have the length that a 200 would
            // have, which is unknown here.
            guard status != 204, status != 304 else { return }
            output.append("Content-Length: ")
            output.append(decimal: contentBytes)
            output.endLine()
        } content: { output in
            guard hasContent, !isShared else { return }
            output.append(first.span)
            output.append(second)
        }
        guard hasContent, isShared else { return }
        shared.append(SharedContent(outputBytes: output.count, bytes: first))
        sharedBytes += first.count
        output.append(bytesMax: second.count) { $0.append(second) }
    }

    public mutating func write(_ response: Response) {
        write(
            status: response.status, fieldBytesMax: response.fields.wireBytes,
            content: response.body[...]
        ) { output in
            for field in response.fields { output.field(field) }
        }
    }

    /// Writes an answer whose content consists of parts, each of which may be large.
    public mutating func write(_ response: Response, content: Content) {
        precondition(!isDone && response.body.isEmpty, "an answer is written once")
        isDone = true
        status = response.status
        let bytesMax = Self.frameBytesMax + response.fields.wireBytes
        Self.append(to: &output, bytesMax, date, shape, status) { output in
            for field in response.fields { output.field(field) }
        } afterDate: { output in
            output.append("Content-Length: ")
            output.append(decimal: content.count)
            output.endLine()
        } content: { _ in
        }
        if !shape.isHead { append(content) }
    }

    private mutating func append(_ content: Content) {
        for part in content.parts {
            if part.count >= sharedBytesMin {
                shared.append(SharedContent(outputBytes: output.count, bytes: part))
            } else {
                output.append(contentsOf: part)
            }
        }
    }

    /// The frame of every answer. Borrows the date beside the output, since a copy would cost
    /// reference counting.
    @inline(__always)
    private static func append(
        to output: inout [UInt8], _ bytesMax: Int, _ date: [UInt8], _ shape: AnswerShape,
        _ status: Int, fields: (inout OutputCursor) -> Void,
        afterDate: (inout OutputCursor) -> Void, content: (inout OutputCursor) -> Void
    ) {
        output.append(bytesMax: bytesMax) { output in
            output.statusLine(status)
            fields(&output)
            // RFC 9110 6.6.1: an origin server with a clock MUST send Date.
            output.append("Date: ")
            output.append(date.span)
            output.endLine()
            afterDate(&output)
            // RFC 9112 9.3 and 9.6: a close is announced, and so is persistence to a 1.0 peer.
            if !shape.keepAlive {
                output.append("Connection: close\r\n")
            } else if shape.version == .http10 {
                output.append("Connection: keep-alive\r\n")
            }
            output.endLine()
            content(&output)
        }
    }

    // MARK: Streams

    /// Writes the head of an answer whose content follows in pieces (``piece(_:_:)``), up to
    /// ``endStream(_:)``. Other answers may be written in between, to other peers.
    ///
    /// - Precondition: the response has no body, and the connection does not persist if its end
    ///   ends the answer.
    public mutating func beginStream(_ response: Response) {
        precondition(response.body.isEmpty, "content comes in pieces")
        precondition(shape.version == .http11 || !shape.keepAlive, "1.0 ends with the connection")
        precondition(!isDone, "an answer is written once")
        isDone = true
        status = response.status
        let bytesMax = Self.frameBytesMax + response.fields.wireBytes
        let isChunked = shape.version == .http11
        Self.append(to: &output, bytesMax, date, shape, status) { output in
            for field in response.fields { output.field(field) }
            // RFC 9112 6.1: not to a 1.0 peer; an answer to HEAD may have it like one to GET.
            if isChunked { output.append("Transfer-Encoding: chunked\r\n") }
        } afterDate: { _ in
        } content: { _ in
        }
    }

    /// Writes one piece of content. An empty piece is not written, since it would end the answer.
    public mutating func piece(_ content: Content, _ framing: StreamFraming) {
        guard content.count > 0, framing != .none else { return }
        let isChunk = framing == .chunked
        if isChunk { output.append(contentsOf: "\(String(content.count, radix: 16))\r\n".utf8) }
        append(content)
        if isChunk { output.append(contentsOf: "\r\n".utf8) }
    }

    public mutating func endStream(_ framing: StreamFraming) {
        if framing == .chunked { output.append(contentsOf: "0\r\n\r\n".utf8) }
        isDone = true
    }

    // MARK: For the connection's keeper

    /// Prepares for the answer to one request.
    public mutating func prepare(_ shape: AnswerShape) {
        self.shape = shape
        isDone = false
        answerStart = output.count
    }

    /// Makes the next answer the connection's last.
    public mutating func closeConnection() {
        precondition(!isDone, "the head announces the close")
        shape.keepAlive = false
    }

    /// Whether the connection persists after the prepared answer.
    public var keepsConnection: Bool { shape.keepAlive }

    /// Whether the prepared answer has been written.
    public var isAnswered: Bool { isDone }

    /// The status of the last answer.
    public var statusWritten: Int { status }

    /// All bytes to be sent.
    public var byteCount: Int { output.count + sharedBytes }

    /// Removes what was written of an answer since `prepare`.
    public mutating func rollBack() {
        while let last = shared.last, last.outputBytes > answerStart {
            sharedBytes -= last.bytes.count
            shared.removeLast()
        }
        output.removeSubrange(answerStart...)
        isDone = false
    }

    /// RFC 9110 15.2.1.
    public mutating func writeContinue() {
        output.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8)
    }

    /// Removes everything written, and keeps its storage unless that is over `bytesMax`.
    public mutating func clear(keepingAtMost bytesMax: Int) {
        if !shared.isEmpty {
            shared = []
            sharedBytes = 0
        }
        if output.capacity > bytesMax {
            output = []
        } else {
            output.removeAll(keepingCapacity: true)
        }
    }

    /// Sets the time; the text is formatted at most once a second.
    public mutating func setDate(secondsSince1970: Int) {
        guard secondsSince1970 != dateSecond else { return }
        dateSecond = secondsSince1970
        date.removeAll(keepingCapacity: true)
        HTTPDate.append(secondsSince1970, to: &date)
    }
}
