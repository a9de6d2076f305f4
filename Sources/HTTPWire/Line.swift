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

    /// Where the first control byte or DEL stands; looked for sixteen bytes at a time.
    @inline(__always)
    private func firstControl(in range: Range<Int>) -> Int? {
        let part = extracting(range)
        let bytes = part.bytes
        var index = 0
        while index + 16 <= part.count {
            let some = bytes.unsafeLoadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            // The top bit is set where a byte is under 0x20, or is 0x7F.
            let strange = ((some &- 0x20) | (some &+ 1)) & ~some & 0x80
            let found = unsafeBitCast(strange, to: SIMD2<UInt64>.self)
            guard found[0] | found[1] == 0 else {
                let place =
                    found[0] != 0
                    ? found[0].littleEndian.trailingZeroBitCount
                    : 64 + found[1].littleEndian.trailingZeroBitCount
                return range.lowerBound + index + place / 8
            }
            index += 16
        }
        while index < part.count {
            if part[index] < .space || part[index] == 0x7F { return range.lowerBound + index }
            index += 1
        }
        return nil
    }
}
