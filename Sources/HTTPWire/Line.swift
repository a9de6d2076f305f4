// Cuts bytes into lines; the one place that knows how a line may end.

extension Span<UInt8> {
    /// The line that begins at `start`, without its CR LF; nil when its end has not come yet.
    ///
    /// RFC 9112 2.2: a recipient MAY take a lone LF for the end of a line. We do not: a proxy in
    /// front that reads such a line otherwise would see other requests than we do. A bare CR MUST
    /// be refused or replaced, and RFC 9110 5.5 says the same of CR, LF and NUL in values; the
    /// other control bytes but HTAB have no business here either.
    func line(
        from start: Int, bytesMax: Int, tooLong: Refusal
    ) throws(Refusal) -> Range<Int>? {
        let end = Swift.min(count, start + bytesMax + 1)
        var index = start
        while let control = firstControl(in: index..<Swift.max(index, end)) {
            switch self[control] {
            case .tab:
                index = control + 1
            case .carriageReturn:
                guard control + 1 < count else { return nil }
                guard self[control + 1] == .lineFeed else { throw .bareCarriageReturn }
                return start..<control
            case .lineFeed:
                throw .bareLineFeed
            default:
                throw .controlByte
            }
        }
        guard end - start <= bytesMax else { throw tooLong }
        return nil
    }

    /// Where the first control byte or DEL stands; looked for eight bytes at a time.
    @inline(__always)
    private func firstControl(in range: Range<Int>) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let part = extracting(range)
        let words = part.bytes
        var index = 0
        while index + 8 <= part.count {
            let word = UInt64(
                littleEndian: words.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
            // A top bit is set where a byte is under 0x20, or is 0x7F. A borrow may set one above
            // the first of them, none below.
            let control = (word &- ones &* 0x20) & ~word
            let delete = word ^ (ones &* 0x7F)
            let isDelete = (delete &- ones) & ~delete
            let found = (control | isDelete) & tops
            guard found == 0 else {
                return range.lowerBound + index + found.trailingZeroBitCount / 8
            }
            index += 8
        }
        while index < part.count {
            if part[index] < .space || part[index] == 0x7F { return range.lowerBound + index }
            index += 1
        }
        return nil
    }
}
