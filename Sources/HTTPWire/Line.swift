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
        var index = skipText(from: start, to: end)
        while index < end {
            let byte = self[index]
            if byte >= .space, byte != 0x7F {
                index += 1
                continue
            }
            switch byte {
            case .tab:
                index += 1
            case .carriageReturn:
                guard index + 1 < count else { return nil }
                guard self[index + 1] == .lineFeed else { throw .bareCarriageReturn }
                return start..<index
            case .lineFeed:
                throw .bareLineFeed
            default:
                throw .controlByte
            }
        }
        guard index - start <= bytesMax else { throw tooLong }
        return nil
    }

    /// Skips what is neither a control byte nor DEL, eight bytes at a time; stops at, or up to seven
    /// bytes before, the first other byte.
    @inline(__always)
    private func skipText(from start: Int, to end: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let bytes = self.bytes
        var index = start
        while index + 8 <= end {
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            // A top bit is set where a byte is under 0x20, or is 0x7F (a borrow or a carry may set
            // one more above it: that only ends the skipping earlier).
            let control = (word &- ones &* 0x20) & ~word
            let delete = word ^ (ones &* 0x7F)
            let isDelete = (delete &- ones) & ~delete
            guard (control | isDelete) & tops == 0 else { return index }
            index += 8
        }
        return index
    }
}
