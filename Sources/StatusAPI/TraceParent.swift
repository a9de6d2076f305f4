// Whose trace a request is part of (W3C Trace Context): read in place, continued with a span of ours.

/// The `traceparent` of a request that can be continued.
public struct TraceParent: Sendable, Equatable {
    /// 32 hexadecimal digits, not all zero.
    public let traceID: String
    /// Two hexadecimal digits.
    private let flags: String

    /// Nil for anything that the standard says to ignore.
    public init?(_ bytes: Span<UInt8>) {
        guard let id = Self.traceID(in: bytes) else { return nil }
        func text(_ range: Range<Int>) -> String {
            bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
        traceID = text(id)
        flags = text(53..<55)
    }

    public init?(_ text: String) {
        self.init(Array(text.utf8).span)
    }

    /// Where the trace's id stands in a field's value: `00-TRACE-SPAN-FLAGS`. Later versions may add
    /// parts, and begin with these.
    public static func traceID(in value: Span<UInt8>) -> Range<Int>? {
        let trace = 3..<35
        guard value.count >= 55, isHexadecimal(value, 0..<2), isHexadecimal(value, trace),
            isHexadecimal(value, 36..<52), isHexadecimal(value, 53..<55),
            value[2] == dash, value[35] == dash, value[52] == dash,
            hasNonZero(value, trace), hasNonZero(value, 36..<52)
        else { return nil }
        let isFirstVersion = value[0] == zero && value[1] == zero
        guard isFirstVersion ? value.count == 55 : value.count == 55 || value[55] == dash else {
            return nil
        }
        let isForbidden = value[0] == UInt8(ascii: "f") && value[1] == UInt8(ascii: "f")
        return isForbidden ? nil : trace
    }

    /// The field for a call that is made because of this request, by the name of our span.
    public func continued(by span: UInt64) -> String {
        let digits = String(max(1, span), radix: 16)
        let name = String(repeating: "0", count: 16 - digits.count) + digits
        return "00-\(traceID)-\(name)-\(flags)"
    }

    private static var dash: UInt8 { UInt8(ascii: "-") }
    private static var zero: UInt8 { UInt8(ascii: "0") }

    /// In lower case, as the standard wants it.
    private static func isHexadecimal(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for index in range {
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): break
            default: return false
            }
        }
        return true
    }

    private static func hasNonZero(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        for index in range where bytes[index] != zero { return true }
        return false
    }
}
