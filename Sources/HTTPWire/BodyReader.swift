// Reads a request's content piece by piece, and removes the chunked coding.

/// How far the content of one message has been read.
struct BodyReader: Sendable {
    enum Piece: Equatable {
        case needMore
        /// Bytes of content.
        case content(Range<Int>)
        case finished
    }

    private enum State {
        /// Content-Length: bytes still to come.
        case length(Int)
        case chunkSize
        /// Bytes of the chunk still to come.
        case chunk(Int)
        case chunkEnd
        case trailer
        case finished
    }

    private var state: State
    private var contentBytes = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerFields = 0

    init(_ framing: BodyFraming) {
        state =
            switch framing {
            case .none: .finished
            case .length(let count): .length(count)
            case .chunked: .chunkSize
            }
    }

    /// The next piece at `cursor`, which moves past the bytes that were read.
    mutating func next(
        _ bytes: Span<UInt8>, _ cursor: inout Int, _ limits: WireLimits
    ) throws(Refusal) -> Piece {
        while true {
            switch state {
            case .finished:
                return .finished
            case .length(let left):
                return take(left, bytes, &cursor, rest: { .length($0) }, then: .finished)
            case .chunk(let left):
                return take(left, bytes, &cursor, rest: { .chunk($0) }, then: .chunkEnd)
            case .chunkSize:
                guard try readChunkSize(bytes, &cursor, limits) else { return .needMore }
            case .chunkEnd:
                guard try readChunkEnd(bytes, &cursor) else { return .needMore }
            case .trailer:
                guard try readTrailerLine(bytes, &cursor, limits) else { return .needMore }
            }
        }
    }

    private mutating func take(
        _ left: Int, _ bytes: Span<UInt8>, _ cursor: inout Int, rest: (Int) -> State, then: State
    ) -> Piece {
        let start = cursor
        let count = min(left, bytes.count - start)
        guard count > 0 else { return .needMore }
        cursor += count
        state = count == left ? then : rest(left - count)
        return .content(start..<cursor)
    }

    // MARK: Chunks, RFC 9112 7.1

    /// chunk-size [ chunk-ext ] CRLF.
    private mutating func readChunkSize(
        _ bytes: Span<UInt8>, _ cursor: inout Int, _ limits: WireLimits
    ) throws(Refusal) -> Bool {
        guard
            let line = try bytes.line(
                from: cursor, bytesMax: limits.chunkLineBytesMax, tooLong: .chunk)
        else { return false }
        var index = line.lowerBound
        var size = 0
        // RFC 9112 7.1: MUST anticipate large sizes and prevent overflow.
        while index < line.upperBound, let digit = bytes[index].hexValue {
            guard size <= limits.contentBytesMax else { throw .contentTooLarge }
            size = size * 16 + digit
            index += 1
        }
        guard index > line.lowerBound else { throw .chunk }
        try ChunkExtensions.check(bytes, at: index..<line.upperBound)
        extensionBytes += line.upperBound - index
        contentBytes += size
        guard contentBytes <= limits.contentBytesMax else { throw .contentTooLarge }
        guard extensionBytes <= limits.chunkExtensionBytesMax else {
            throw .chunkExtensionsTooLarge
        }
        cursor = line.upperBound + 2
        state = size == 0 ? .trailer : .chunk(size)
        return true
    }

    private mutating func readChunkEnd(
        _ bytes: Span<UInt8>, _ cursor: inout Int
    ) throws(Refusal) -> Bool {
        guard cursor < bytes.count else { return false }
        guard bytes[cursor] == .carriageReturn else { throw .chunk }
        guard cursor + 1 < bytes.count else { return false }
        guard bytes[cursor + 1] == .lineFeed else { throw .chunk }
        cursor += 2
        state = .chunkSize
        return true
    }

    // MARK: Trailer section, RFC 9112 7.1.2

    /// Trailer fields must have the syntax of header fields, and are dropped: none may be merged
    /// into the header section unless its definition allows it.
    private mutating func readTrailerLine(
        _ bytes: Span<UInt8>, _ cursor: inout Int, _ limits: WireLimits
    ) throws(Refusal) -> Bool {
        let bytesMax = limits.trailerBytesMax - trailerBytes
        guard let line = try bytes.line(from: cursor, bytesMax: bytesMax, tooLong: .trailerTooLarge)
        else { return false }
        cursor = line.upperBound + 2
        if line.isEmpty {
            state = .finished
            return true
        }
        _ = try FieldRules.fieldLine(bytes, at: line)
        trailerBytes += line.count
        trailerFields += 1
        guard trailerFields <= limits.fieldsMax else { throw .tooManyFields }
        return true
    }
}

/// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), RFC 9112 7.1.1. Their
/// meaning is ignored, as it MUST be when unknown. Their syntax is checked, since it frames the
/// chunk.
private enum ChunkExtensions {
    static func check(_ bytes: Span<UInt8>, at range: Range<Int>) throws(Refusal) {
        let end = range.upperBound
        var index = range.lowerBound
        while index < end {
            index = skipBlanks(bytes, index, end)
            guard index < end, bytes[index] == UInt8(ascii: ";") else { throw .chunk }
            index = try skipToken(bytes, skipBlanks(bytes, index + 1, end), end)
            let equals = skipBlanks(bytes, index, end)
            guard equals < end, bytes[equals] == UInt8(ascii: "=") else { continue }
            let value = skipBlanks(bytes, equals + 1, end)
            guard value < end else { throw .chunk }
            index =
                bytes[value] == UInt8(ascii: "\"")
                ? try skipQuoted(bytes, value + 1, end) : try skipToken(bytes, value, end)
        }
    }

    private static func skipBlanks(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, bytes[index].isBlank { index += 1 }
        return index
    }

    private static func skipToken(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int
    ) throws(Refusal) -> Int {
        var index = start
        while index < end, ByteSet.token.contains(bytes[index]) { index += 1 }
        guard index > start else { throw .chunk }
        return index
    }

    /// quoted-string (RFC 9110 5.6.4), after its opening quote.
    private static func skipQuoted(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int
    ) throws(Refusal) -> Int {
        var index = start
        while index < end {
            if bytes[index] == UInt8(ascii: "\"") { return index + 1 }
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        throw .chunk
    }
}
