// The request target: its form, and the places of its path, query and authority.

enum TargetRules {
    /// RFC 9112 3.2: origin-form, absolute-form, authority-form for CONNECT only, asterisk-form for
    /// OPTIONS only. An invalid target is refused, not repaired: a redirect or a repair could
    /// bypass a filter in front. Up to `isPathUntil` there are only characters of a path.
    static func read(
        _ bytes: Span<UInt8>, at range: Range<Int>, isPathUntil pathEnd: Int,
        into head: inout RequestHead
    ) throws(Refusal) {
        guard !range.isEmpty else { throw .target }
        head.target = range
        if head.method == .connect {
            try readAuthorityForm(bytes, at: range, into: &head)
        } else if bytes[range.lowerBound] == UInt8(ascii: "/") {
            head.form = .origin
            try readPathAndQuery(bytes, at: range, isPathUntil: pathEnd, into: &head)
        } else if range.count == 1, bytes[range.lowerBound] == UInt8(ascii: "*") {
            guard head.method == .options else { throw .target }
            head.form = .asterisk
        } else {
            try readAbsoluteForm(bytes, at: range, into: &head)
        }
    }

    /// RFC 9112 3.2.1. A "#" is not part of a target (RFC 9110 7.1), nor is a raw space or a byte
    /// over 127.
    private static func readPathAndQuery(
        _ bytes: Span<UInt8>, at range: Range<Int>, isPathUntil known: Int,
        into head: inout RequestHead
    ) throws(Refusal) {
        let pathEnd = try skip(.path, bytes, at: known..<range.upperBound)
        head.path = range.lowerBound..<pathEnd
        guard pathEnd < range.upperBound else { return }
        guard bytes[pathEnd] == UInt8(ascii: "?") else { throw .target }
        let query = pathEnd + 1..<range.upperBound
        head.query = query
        guard try skip(.query, bytes, at: query) == query.upperBound else { throw .target }
    }

    /// RFC 9112 3.2.2: a server MUST accept the absolute form; its authority then replaces Host.
    private static func readAbsoluteForm(
        _ bytes: Span<UInt8>, at range: Range<Int>, into head: inout RequestHead
    ) throws(Refusal) {
        let low = range.lowerBound
        let start: Int
        if range.count > 7, bytes.matches("http://", at: low..<low + 7) {
            start = low + 7
        } else if range.count > 8, bytes.matches("https://", at: low..<low + 8) {
            start = low + 8
        } else {
            throw .target
        }
        var end = start
        while end < range.upperBound, bytes[end] != UInt8(ascii: "/"),
            bytes[end] != UInt8(ascii: "?")
        {
            end += 1
        }
        // RFC 9110 4.2.1: an empty host is invalid; 4.2.4: user information is an error ("@" is no
        // character of a host).
        let port = try hostAndPort(bytes, at: start..<end, failure: .target)
        guard port.lowerBound > start else { throw .target }
        head.form = .absolute
        head.authority = start..<end
        try readPathAndQuery(bytes, at: end..<range.upperBound, isPathUntil: end, into: &head)
    }

    /// RFC 9112 3.2.3: host and port, both.
    private static func readAuthorityForm(
        _ bytes: Span<UInt8>, at range: Range<Int>, into head: inout RequestHead
    ) throws(Refusal) {
        let port = try hostAndPort(bytes, at: range, failure: .target)
        guard port.lowerBound > range.lowerBound, port.count > 1 else { throw .target }
        head.form = .authority
        head.authority = range
    }

    /// uri-host [ ":" port ] (RFC 9110 7.2). Returns the range of the port, its colon included;
    /// without a port, an empty range at the end.
    static func hostAndPort(
        _ bytes: Span<UInt8>, at range: Range<Int>, failure: Refusal
    ) throws(Refusal) -> Range<Int> {
        var index = range.lowerBound
        do throws(Refusal) {
            if index < range.upperBound, bytes[index] == UInt8(ascii: "[") {
                index += 1
                let first = index
                while index < range.upperBound, ByteSet.literal.contains(bytes[index]) {
                    index += 1
                }
                guard index > first, index < range.upperBound, bytes[index] == UInt8(ascii: "]")
                else { throw failure }
                index += 1
            } else {
                index = try skip(.name, bytes, at: range)
            }
        } catch {
            throw failure
        }
        let port = index..<range.upperBound
        try checkPort(bytes, at: port, failure: failure)
        return port
    }

    /// port = *DIGIT (RFC 3986 3.2.3), and a valid port number.
    private static func checkPort(
        _ bytes: Span<UInt8>, at range: Range<Int>, failure: Refusal
    ) throws(Refusal) {
        guard !range.isEmpty else { return }
        guard bytes[range.lowerBound] == UInt8(ascii: ":"), range.count <= 6 else { throw failure }
        let digits = bytes.extracting(range.lowerBound + 1..<range.upperBound)
        var number = 0
        for index in digits.indices {
            guard digits[index].isDigit else { throw failure }
            // Five digits at most.
            number = number &* 10 &+ Int(digits[index] & 0x0F)
        }
        guard number <= 65_535 else { throw failure }
    }

    /// Skips characters of `set`, and "%" with two hexadecimal digits (RFC 3986 2.1). Returns the
    /// place of the first other character, or the end.
    @inline(__always)
    private static func skip(
        _ set: ByteSet, _ bytes: Span<UInt8>, at range: Range<Int>
    ) throws(Refusal) -> Int {
        var index = range.lowerBound
        while true {
            index = bytes.firstIndex(notIn: set, in: index..<range.upperBound)
            guard index < range.upperBound, bytes[index] == UInt8(ascii: "%") else { return index }
            guard index + 2 < range.upperBound, bytes[index + 1].hexValue != nil,
                bytes[index + 2].hexValue != nil
            else { throw .target }
            index += 3
        }
    }
}
