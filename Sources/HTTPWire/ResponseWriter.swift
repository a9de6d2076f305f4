// Answers in, bytes out: appended to one buffer that is used again and again, so that a warm writer
// allocates nothing.

/// Writes answers one after the other: `begin`, fields, `end`.
///
/// Adds Date, Content-Length and Connection; leaves the content out where there must be none.
public struct ResponseWriter: Sendable {
    /// The bytes written so far.
    public private(set) var output: [UInt8] = []
    private var shape = AnswerShape(isHead: false, version: .http11, keepAlive: true)
    private var progress = Progress.ready
    private var status = 0
    private var answerStart = 0
    private var date: [UInt8] = []
    private var dateSecond = Int.min

    private enum Progress {
        case ready
        case head
        case done
    }

    public init() {
        setDate(secondsSince1970: 0)
    }

    // MARK: One answer

    /// Writes the status line. Call it once an answer.
    public mutating func begin(status: Int) {
        precondition(progress == .ready, "an answer is begun once")
        precondition((200...599).contains(status), "final statuses have three digits")
        progress = .head
        self.status = status
        // RFC 9112 4: the version says what we speak, not what the peer does.
        append("HTTP/1.1 ")
        append(status)
        output.append(.space)
        append(StatusPhrase.of(status))
        endLine()
    }

    public mutating func field(_ name: StaticString, _ value: StaticString) {
        startField(name)
        append(value)
        endField()
    }

    @_disfavoredOverload  // A literal is a `StaticString`: copied as it is, not looked through.
    public mutating func field(_ name: StaticString, _ value: String) {
        startField(name)
        append(value)
        endField()
    }

    public mutating func field(_ name: StaticString, _ value: [UInt8]) {
        startField(name)
        append(value.span)
        endField()
    }

    public mutating func field(_ name: StaticString, _ value: Span<UInt8>) {
        startField(name)
        append(value)
        endField()
    }

    public mutating func field(_ name: StaticString, _ value: Int) {
        startField(name)
        append(value)
        endField()
    }

    public mutating func field(_ field: Field) {
        append(field.name)
        append(": ")
        append(field.value)
        endField()
    }

    /// Begins a field whose value is put together by `append`; `endField` ends it.
    public mutating func startField(_ name: StaticString) {
        precondition(progress == .head, "fields stand between begin and end")
        append(name)
        append(": ")
    }

    public mutating func endField() {
        endLine()
    }

    /// Ends an answer without content.
    public mutating func end() {
        finish(Span(), contentBytes: 0)
    }

    /// Ends an answer with its content.
    public mutating func end(body: [UInt8]) {
        finish(body.span, contentBytes: body.count)
    }

    public mutating func end(body: Span<UInt8>) {
        finish(body, contentBytes: body.count)
    }

    /// Ends an answer whose content is kept in two pieces.
    public mutating func end(body first: Span<UInt8>, _ second: Span<UInt8>) {
        if finish(first, contentBytes: first.count + second.count) { appendRaw(second) }
    }

    public mutating func write(_ response: Response) {
        begin(status: response.status)
        for field in response.fields { self.field(field) }
        end(body: response.body)
    }

    /// Writes the head of an answer whose content follows in pieces (``piece(_:_:)``), up to
    /// ``endStream(_:)``. Other answers may be written in between, to other peers.
    ///
    /// - Precondition: the response has no body, and the connection does not outlive an answer that
    ///   ends with it.
    public mutating func beginStream(_ response: Response) {
        precondition(response.body.isEmpty, "content comes in pieces")
        precondition(shape.version == .http11 || !shape.keepAlive, "1.0 ends with the connection")
        begin(status: response.status)
        for field in response.fields { self.field(field) }
        // RFC 9112 6.1: not to a 1.0 peer; an answer to HEAD may say what GET would be sent.
        if shape.version == .http11 { append("Transfer-Encoding: chunked\r\n") }
        progress = .done
        writeDate()
        writeConnection()
        endLine()
    }

    public mutating func endStream(_ framing: StreamFraming) {
        if framing == .chunked { append("0\r\n\r\n") }
        progress = .done
    }

    /// The answer in preparation has content, unless its status forbids it.
    public var wantsContent: Bool { !shape.isHead }

    /// Writes a whole 200 at once: status line, fields and content, at most `bytesMax` bytes.
    /// `write` gets the Date field's value, and the end of the head: the Connection field if there
    /// is one, and the empty line. They and Content-Length are its own to write.
    ///
    /// - Precondition: ``wantsContent``.
    @inline(__always)
    public mutating func writeWhole(
        bytesMax: Int,
        _ write: (inout OutputCursor, _ date: Span<UInt8>, _ headEnd: StaticString) -> Void
    ) {
        precondition(progress == .ready && wantsContent, "an answer is begun once")
        progress = .done
        status = 200
        Self.append(to: &output, bytesMax, date, headEnd, write)
    }

    /// Borrows the date beside the output: a copy would count references.
    @inline(__always)
    private static func append(
        to output: inout [UInt8], _ bytesMax: Int, _ date: [UInt8], _ headEnd: StaticString,
        _ write: (inout OutputCursor, _ date: Span<UInt8>, _ headEnd: StaticString) -> Void
    ) {
        output.append(bytesMax: bytesMax) { write(&$0, date.span, headEnd) }
    }

    private var headEnd: StaticString {
        if !shape.keepAlive { return "\r\nConnection: close\r\n\r\n" }
        return shape.version == .http10 ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\n\r\n"
    }

    // MARK: Parts of a value

    public mutating func append(_ text: StaticString) {
        output.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Text from outside: what would end the line is written as a space (RFC 9110 5.5).
    @_disfavoredOverload
    public mutating func append(_ text: String) {
        for byte in text.utf8 { output.append(Self.harmless(byte)) }
    }

    /// Bytes from outside: what would end the line is written as a space (RFC 9110 5.5).
    public mutating func append(_ bytes: Span<UInt8>) {
        for index in bytes.indices { output.append(Self.harmless(bytes[index])) }
    }

    /// In decimal.
    public mutating func append(_ number: Int) {
        if number < 0 { output.append(UInt8(ascii: "-")) }
        let magnitude = number.magnitude
        var divisor: UInt = 1
        while magnitude / divisor > 9 { divisor *= 10 }
        while divisor > 0 {
            output.append(0x30 + UInt8(magnitude / divisor % 10))
            divisor /= 10
        }
    }

    /// Sixteen hexadecimal digits.
    public mutating func append(hexadecimal number: UInt64) {
        output.append(bytesMax: 16) { $0.append(hexadecimal: number) }
    }

    private static func harmless(_ byte: UInt8) -> UInt8 {
        byte == .carriageReturn || byte == .lineFeed || byte == 0 ? .space : byte
    }

    // MARK: For the connection's keeper

    /// Makes ready for the answer to one request.
    public mutating func prepare(_ shape: AnswerShape) {
        self.shape = shape
        progress = .ready
        answerStart = output.count
    }

    /// True once the answer that was prepared has been written to its end.
    public var isAnswered: Bool { progress == .done }

    /// The status of the answer begun last.
    public var statusWritten: Int { status }

    /// Takes back what was written of an answer since `prepare`.
    public mutating func rollBack() {
        output.removeSubrange(answerStart...)
        progress = .ready
    }

    /// RFC 9110 15.2.1.
    public mutating func writeContinue() {
        append("HTTP/1.1 100 Continue\r\n\r\n")
    }

    /// Forgets what was written, but not its storage, unless that is over `bytesMax`.
    public mutating func clear(keepingAtMost bytesMax: Int) {
        if output.capacity > bytesMax {
            output = []
        } else {
            output.removeAll(keepingCapacity: true)
        }
    }

    /// Says what time it is; the text is made anew once a second at most.
    public mutating func setDate(secondsSince1970: Int) {
        guard secondsSince1970 != dateSecond else { return }
        dateSecond = secondsSince1970
        date.removeAll(keepingCapacity: true)
        HTTPDate.append(secondsSince1970, to: &date)
    }

    // MARK: The end of the head

    /// Returns whether the answer has content.
    @discardableResult
    private mutating func finish(_ content: Span<UInt8>, contentBytes: Int) -> Bool {
        precondition(progress == .head, "an answer is begun before it is ended")
        progress = .done
        writeDate()
        writeLength(contentBytes)
        writeConnection()
        endLine()
        // RFC 9112 6.3 item 1: HEAD, 204 and 304 end with the header section.
        guard !shape.isHead, status != 204, status != 304 else { return false }
        appendRaw(content)
        return true
    }

    /// RFC 9110 6.6.1: an origin server with a clock MUST send Date.
    private mutating func writeDate() {
        append("Date: ")
        output.append(contentsOf: date)
        endLine()
    }

    mutating func appendRaw(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { output.append(contentsOf: $0) }
    }

    /// RFC 9110 8.6: MUST NOT be sent with 204. A 304 may carry the length that a 200 would have,
    /// and we do not know it here.
    private mutating func writeLength(_ contentBytes: Int) {
        guard status != 204, status != 304 else { return }
        append("Content-Length: ")
        append(contentBytes)
        endLine()
    }

    /// RFC 9112 9.3 and 9.6: close is announced, and a 1.0 peer is told that the connection lives.
    private mutating func writeConnection() {
        if !shape.keepAlive {
            append("Connection: close\r\n")
        } else if shape.version == .http10 {
            append("Connection: keep-alive\r\n")
        }
    }

    private mutating func endLine() {
        output.append(.carriageReturn)
        output.append(.lineFeed)
    }
}
