// Splits bytes into lines: the only place that decides how a line may end.

extension Span<UInt8> {
    /// The line that begins at `start`, without its CR LF; nil if its end has not arrived yet.
    ///
    /// RFC 9112 2.2: a recipient MAY accept a lone LF as the end of a line. It is refused here: a
    /// proxy in front that reads such a line differently would see other requests. A bare CR MUST
    /// be refused or replaced, and RFC 9110 5.5 requires the same for CR, LF and NUL in values. The
    /// other control bytes except HTAB are refused, too.
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

    /// The place of the first control byte or DEL, searched sixteen bytes at a time.
    @inline(__always)
    private func firstControl(in range: Range<Int>) -> Int? {
        let part = extracting(range)
        let bytes = part.bytes
        var index = 0
        while index + 16 <= part.count {
            let some = bytes.unsafeLoadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            // The top bit is set in bytes under 0x20, and in 0x7F.
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
