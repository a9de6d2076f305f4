// The trace that a request belongs to (W3C Trace Context): read in place, continued with a new
// span.

/// The `traceparent` of a request that can be continued.
public struct TraceParent: Sendable, Equatable {
    /// The trace's id, not all zero: the first eight bytes of it, and the rest.
    public let high: UInt64
    public let low: UInt64
    private let flags: UInt8

    /// Nil for values that the standard says to ignore. Later versions may add parts after
    /// `00-TRACE-SPAN-FLAGS`.
    public init?(_ value: Span<UInt8>) {
        guard value.count >= 55, value[2] == Self.dash, value[35] == Self.dash,
            value[52] == Self.dash, let version = value.hexadecimal(0..<2),
            let high = value.hexadecimal(3..<19), let low = value.hexadecimal(19..<35),
            let span = value.hexadecimal(36..<52), let flags = value.hexadecimal(53..<55),
            high | low != 0, span != 0, version != 0xFF
        else { return nil }
        guard value.count == 55 || version != 0 && value[55] == Self.dash else { return nil }
        self.high = high
        self.low = low
        self.flags = UInt8(flags)
    }

    public init?(_ text: String) {
        self.init(Array(text.utf8).span)
    }

    /// 32 hexadecimal digits.
    public var traceID: String { Self.digits(high, count: 16) + Self.digits(low, count: 16) }

    /// The field's value for a call that this request causes, with the id of the new span.
    public func continued(by span: UInt64) -> String {
        let name = Self.digits(max(1, span), count: 16)
        return "00-\(traceID)-\(name)-\(Self.digits(UInt64(flags), count: 2))"
    }

    private static var dash: UInt8 { UInt8(ascii: "-") }

    private static func digits(_ number: UInt64, count: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: count - digits.count) + digits
    }
}
