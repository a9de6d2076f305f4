// A request line and its fields as ranges of the received bytes: nothing is copied, and the storage
// of one head serves all requests of a loop.

/// One request's head. Ranges refer to the parsed bytes.
///
/// Not copyable, so that the handler borrows it: a copy for each request took 150 instructions.
public struct RequestHead: ~Copyable, Sendable {
    public internal(set) var method = Method.other
    public internal(set) var methodBytes: Range<Int> = 0..<0
    public internal(set) var form = TargetForm.origin
    /// The whole target, as received.
    public internal(set) var target: Range<Int> = 0..<0
    /// The raw path, still percent-encoded. Empty for an absolute form without a path (which means
    /// "/"), and for the authority and asterisk forms.
    public internal(set) var path: Range<Int> = 0..<0
    /// The raw text after the first "?"; nil without one.
    public internal(set) var query: Range<Int>?
    /// The target's authority (absolute and authority forms), else the Host field's value; nil
    /// without either.
    public internal(set) var authority: Range<Int>?
    public internal(set) var version = Version.http11
    /// In the order of arrival.
    public internal(set) var fields: [FieldLine] = []
    /// Whether the connection persists after the answer (RFC 9112 9.3).
    public internal(set) var keepAlive = false
    /// The peer waits for a 100 before it sends the content (RFC 9110 10.1.1).
    public internal(set) var expectsContinue = false
    public internal(set) var framing = BodyFraming.none
    /// Whether there is a field that browsers add by themselves, and other programs rarely.
    public internal(set) var hasBrowserMark = false

    public init() {
        fields.reserveCapacity(32)
    }

    mutating func reset() {
        method = .other
        methodBytes = 0..<0
        form = .origin
        target = 0..<0
        path = 0..<0
        query = nil
        authority = nil
        version = .http11
        fields.removeAll(keepingCapacity: true)
        keepAlive = false
        expectsContinue = false
        framing = .none
        hasBrowserMark = false
    }

    /// The value of the first field of that name; nil without one.
    public func firstValue(of lowercaseName: StaticString, in bytes: Span<UInt8>) -> Range<Int>? {
        for field in fields where field.isNamed(lowercaseName, in: bytes) {
            return field.value
        }
        return nil
    }

    /// Calls `body` for the value of every field of that name, in order.
    public func forEachValue(
        of lowercaseName: StaticString, in bytes: Span<UInt8>, _ body: (Range<Int>) -> Void
    ) {
        for field in fields where field.isNamed(lowercaseName, in: bytes) {
            body(field.value)
        }
    }

    /// The number of fields of that name.
    public func count(of lowercaseName: StaticString, in bytes: Span<UInt8>) -> Int {
        var count = 0
        forEachValue(of: lowercaseName, in: bytes) { _ in count += 1 }
        return count
    }
}

/// One field line; the value is without surrounding blanks.
public struct FieldLine: Equatable, Sendable {
    public var name: Range<Int>
    public var value: Range<Int>

    public init(name: Range<Int>, value: Range<Int>) {
        self.name = name
        self.value = value
    }

    /// Names are case-insensitive (RFC 9110 5.1). They are compared by words, of which two may
    /// overlap.
    @inlinable @inline(__always)
    public func isNamed(_ lowercaseName: StaticString, in bytes: Span<UInt8>) -> Bool {
        let count = lowercaseName.utf8CodeUnitCount
        guard name.count == count else { return false }
        guard count >= 4 else { return bytes.matches(lowercaseName, at: name) }
        let expected = UnsafeRawPointer(lowercaseName.utf8Start)
        let found = bytes.extracting(name).bytes
        if count < 8 {
            return found.isWord(UInt32.self, at: 0, expected)
                && found.isWord(UInt32.self, at: count - 4, expected)
        }
        var offset = 0
        while offset < count - 8 {
            guard found.isWord(UInt64.self, at: offset, expected) else { return false }
            offset += 8
        }
        return found.isWord(UInt64.self, at: count - 8, expected)
    }
}

/// The methods of RFC 9110, PATCH, and QUERY (draft-ietf-httpbis-safe-method-w-body); anything else that
/// is a token is `.other`.
public enum Method: String, CaseIterable, Sendable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case connect = "CONNECT"
    case options = "OPTIONS"
    case trace = "TRACE"
    case patch = "PATCH"
    case query = "QUERY"
    case other = ""
}

/// RFC 9112 3.2.
public enum TargetForm: String, Sendable {
    case origin
    case absolute
    case authority
    case asterisk
}

/// The peer's HTTP version. A higher minor version than 1 counts as 1 (RFC 9110 2.5).
public enum Version: String, Sendable {
    case http10 = "HTTP/1.0"
    case http11 = "HTTP/1.1"
}

extension RawSpan {
    /// Whether the word at `offset` equals that of a lower-case name. In a token (RFC 9110 5.6.2),
    /// setting the case bit turns only capitals into letters, and no other character into a hyphen.
    @inlinable @inline(__always)
    func isWord<Word: FixedWidthInteger & BitwiseCopyable>(
        _: Word.Type, at offset: Int, _ lowercase: UnsafeRawPointer
    ) -> Bool {
        let lower = Word(truncatingIfNeeded: 0x2020_2020_2020_2020 as UInt64)
        return unsafeLoadUnaligned(fromByteOffset: offset, as: Word.self) | lower
            == lowercase.loadUnaligned(fromByteOffset: offset, as: Word.self)
    }
}

extension Span<UInt8> {
    /// True if the bytes in `range` are `lowercase`, in any letter case. Inlined, like the next
    /// function, so that a literal is compared byte by byte without a loop.
    @inlinable @inline(__always)
    public func matches(_ lowercase: StaticString, at range: Range<Int>) -> Bool {
        guard range.count == lowercase.utf8CodeUnitCount else { return false }
        let expected = lowercase.utf8Start
        let bytes = extracting(range)
        for offset in bytes.indices where bytes[offset].lowercased != expected[offset] {
            return false
        }
        return true
    }

    /// True if the bytes in `range` are exactly `text`.
    @inlinable @inline(__always)
    public func equals(_ text: StaticString, at range: Range<Int>) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        let expected = text.utf8Start
        let bytes = extracting(range)
        for offset in bytes.indices where bytes[offset] != expected[offset] { return false }
        return true
    }

    /// `range` without the SP and HTAB at either end (OWS, RFC 9110 5.6.3).
    public func trimmed(_ range: Range<Int>) -> Range<Int> {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high, self[low].isBlank { low += 1 }
        while high > low, self[high - 1].isBlank { high -= 1 }
        return low..<high
    }

    public func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let part = extracting(range)
        let words = part.bytes
        var index = 0
        while index + 8 <= part.count {
            let word = words.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            let difference = UInt64(littleEndian: word) ^ ones &* UInt64(byte)
            // The lowest top bit marks the first equal byte; a borrow sets only higher ones.
            let equal = (difference &- ones) & ~difference & tops
            guard equal == 0 else {
                return range.lowerBound + index + equal.trailingZeroBitCount / 8
            }
            index += 8
        }
        while index < part.count {
            if part[index] == byte { return range.lowerBound + index }
            index += 1
        }
        return nil
    }

    /// The place of the first byte that is not in `set`; the end of `range` if there is none. Bytes
    /// that are plain in every set are skipped eight at a time.
    @inline(__always)
    func firstIndex(notIn set: ByteSet, in range: Range<Int>) -> Int {
        let slashIsPlain = set.contains(UInt8(ascii: "/"))
        let part = extracting(range)
        let words = part.bytes
        var index = 0
        while index + 8 <= part.count {
            let word = words.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            if let place = word.firstNotPlain(slash: slashIsPlain) {
                index += place
                break
            }
            index += 8
        }
        while index < part.count, set.contains(part[index]) { index += 1 }
        return range.lowerBound + index
    }
}
