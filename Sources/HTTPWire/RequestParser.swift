// Bytes come in; a request head, "need more", or a refusal goes out. Lines are split first and then
// read, so that the verdict does not depend on how the bytes were split in transit.

/// Reads one request line and header section (RFC 9112 2, 3, 5).
public struct RequestParser: Sendable {
    public enum Outcome: Equatable, Sendable {
        /// The section has not ended yet, and is valid so far.
        case needMore
        /// The head is complete; `consumed` is its number of bytes, leading empty lines included.
        case request(consumed: Int)
        case refused(Refusal)
    }

    public var limits: WireLimits

    public init(limits: WireLimits = WireLimits()) {
        self.limits = limits
    }

    /// Parses from `start`. After `.request`, `head` has ranges of `bytes`; after a refusal its
    /// method is valid if the request line was.
    public func parse(
        _ bytes: Span<UInt8>, from start: Int = 0, into head: inout RequestHead
    ) -> Outcome {
        head.reset()
        do throws(Refusal) {
            guard let lineStart = try skipEmptyLines(bytes, from: start),
                let section = try readRequestLine(bytes, from: lineStart, into: &head),
                let end = try readFields(bytes, from: section, start: start, into: &head)
            else { return .needMore }
            try FieldRules.apply(bytes, to: &head)
            return .request(consumed: end - start)
        } catch {
            return .refused(error)
        }
    }

    /// RFC 9112 2.2: a server ought to ignore at least one empty line before the request line.
    private func skipEmptyLines(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(Refusal) -> Int? {
        var index = start
        var lines = 0
        while true {
            guard index < bytes.count else { return nil }
            guard bytes[index] == .carriageReturn else { return index }
            guard index + 1 < bytes.count else { return nil }
            guard bytes[index + 1] == .lineFeed else { throw .bareCarriageReturn }
            lines += 1
            guard lines <= limits.leadingEmptyLinesMax else { throw .emptyLines }
            index += 2
        }
    }

    // MARK: Request line, RFC 9112 3

    /// request-line = method SP request-target SP HTTP-version, with exactly one SP each: RFC 9112
    /// 3 allows leniency and warns of its consequences.
    private func readRequestLine(
        _ bytes: Span<UInt8>, from start: Int, into head: inout RequestHead
    ) throws(Refusal) -> Int? {
        guard let line = try requestLine(bytes, from: start) else { return nil }
        let methodEnd = try readMethod(bytes, in: line, into: &head)
        // Nearly every target is only a path: then reading it finds its end.
        let pathEnd = bytes.firstIndex(notIn: .path, in: methodEnd + 1..<line.upperBound)
        guard let targetEnd = bytes.firstIndex(of: .space, in: pathEnd..<line.upperBound) else {
            throw .requestLine
        }
        try readVersion(bytes, at: targetEnd + 1..<line.upperBound, into: &head)
        let target = methodEnd + 1..<targetEnd
        guard target.count <= limits.targetBytesMax else { throw .targetTooLong }
        try TargetRules.read(bytes, at: target, isPathUntil: pathEnd, into: &head)
        return line.upperBound + 2
    }

    /// RFC 9112 3: for a line that is too long, 501 if the method is longer than any known one,
    /// else 414.
    private func requestLine(
        _ bytes: Span<UInt8>, from start: Int
    ) throws(Refusal) -> Range<Int>? {
        let bytesMax = limits.requestLineBytesMax
        do throws(Refusal) {
            return try bytes.line(from: start, bytesMax: bytesMax, tooLong: .targetTooLong)
        } catch {
            let methodMax = start + limits.methodBytesMax
            let methodEnd = bytes.firstIndex(
                notIn: .token, in: start..<min(bytes.count, methodMax + 1))
            throw error == .targetTooLong && methodEnd > methodMax ? .methodTooLong : error
        }
    }

    /// method = token, case-sensitive (RFC 9112 3.1). Returns the place of the space after it.
    private func readMethod(
        _ bytes: Span<UInt8>, in line: Range<Int>, into head: inout RequestHead
    ) throws(Refusal) -> Int {
        let tokenEnd = bytes.firstIndex(notIn: .token, in: line)
        guard let end = bytes.firstIndex(of: .space, in: tokenEnd..<line.upperBound) else {
            throw .requestLine
        }
        let method = line.lowerBound..<end
        guard end == tokenEnd, !method.isEmpty else { throw .method }
        guard method.count <= limits.methodBytesMax else { throw .methodTooLong }
        head.methodBytes = method
        head.method = Method(bytes, at: method)
        return end
    }

    /// HTTP-version = "HTTP/" DIGIT "." DIGIT, case-sensitive (RFC 9112 2.3).
    private func readVersion(
        _ bytes: Span<UInt8>, at range: Range<Int>, into head: inout RequestHead
    ) throws(Refusal) {
        let low = range.lowerBound
        guard range.count == 8, bytes.equals("HTTP/", at: low..<low + 5), bytes[low + 5].isDigit,
            bytes[low + 6] == UInt8(ascii: "."), bytes[low + 7].isDigit
        else { throw .version }
        guard bytes[low + 5] == UInt8(ascii: "1") else { throw .versionUnsupported }
        head.version = bytes[low + 7] == UInt8(ascii: "0") ? .http10 : .http11
    }

    // MARK: Field lines, RFC 9112 5

    private func readFields(
        _ bytes: Span<UInt8>, from section: Int, start: Int, into head: inout RequestHead
    ) throws(Refusal) -> Int? {
        var lineStart = section
        while true {
            let bytesMax = limits.headBytesMax - (lineStart - start) - 2
            guard
                let line = try bytes.line(
                    from: lineStart, bytesMax: max(0, bytesMax), tooLong: .headTooLarge)
            else { return nil }
            guard bytesMax >= 0 else { throw .headTooLarge }
            lineStart = line.upperBound + 2
            if line.isEmpty { return lineStart }
            guard head.fields.count < limits.fieldsMax else { throw .tooManyFields }
            head.fields.append(try FieldRules.fieldLine(bytes, at: line))
        }
    }
}

extension Method {
    init(_ bytes: Span<UInt8>, at range: Range<Int>) {
        switch range.count {
        case 3 where bytes.equals("GET", at: range): self = .get
        case 3 where bytes.equals("PUT", at: range): self = .put
        case 4 where bytes.equals("HEAD", at: range): self = .head
        case 4 where bytes.equals("POST", at: range): self = .post
        case 5 where bytes.equals("PATCH", at: range): self = .patch
        case 5 where bytes.equals("TRACE", at: range): self = .trace
        case 5 where bytes.equals("QUERY", at: range): self = .query
        case 6 where bytes.equals("DELETE", at: range): self = .delete
        case 7 where bytes.equals("OPTIONS", at: range): self = .options
        case 7 where bytes.equals("CONNECT", at: range): self = .connect
        default: self = .other
        }
    }
}
