// What identifies a request in logs and answers: its id, the caller's own or a generated one, and
// its trace.

public import HTTPWire

/// A request's id: 1 to 128 visible characters of ASCII.
public enum RequestID: Sendable, Equatable {
    /// Sixteen hexadecimal digits.
    case made(UInt64)
    /// The place of the caller's id in the bytes of the head. Plain: it needs no escape or quotes
    /// in a log.
    case given(Range<Int>, isPlain: Bool)
    /// The caller's id, for a request that outlives the bytes of its head.
    case kept([UInt8], isPlain: Bool)

    public static let bytesMax = 128

    /// The caller's id. Nil unless it is visible ASCII of 1 to ``bytesMax`` bytes.
    init?(at place: Range<Int>, in bytes: Span<UInt8>) {
        guard (1...Self.bytesMax).contains(place.count) else { return nil }
        var isPlain = true
        for index in place {
            switch bytes[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "="): isPlain = false
            case 0x21...0x7E: break
            default: return nil
            }
        }
        self = .given(place, isPlain: isPlain)
    }

    /// The same id, independent of the bytes.
    public func kept(from bytes: Span<UInt8>) -> RequestID {
        guard case .given(let place, let isPlain) = self else { return self }
        let own = bytes.extracting(place).withUnsafeBufferPointer { Array($0) }
        return .kept(own, isPlain: isPlain)
    }

    public var isPlain: Bool {
        switch self {
        case .made: true
        case .given(_, let isPlain), .kept(_, let isPlain): isPlain
        }
    }

    public func text(from bytes: Span<UInt8> = Span()) -> String {
        var text: [UInt8] = []
        text.append(bytesMax: Self.bytesMax) { $0.append(self, from: bytes) }
        return String(decoding: text, as: UTF8.self)
    }
}

extension OutputCursor {
    /// Writes at most ``RequestID/bytesMax`` bytes.
    @inline(__always)
    public mutating func append(_ id: RequestID, from bytes: Span<UInt8>) {
        switch id {
        case .made(let number): append(hexadecimal: number)
        case .given(let place, _): append(bytes.extracting(place))
        case .kept(let own, _): append(own.span)
        }
    }
}

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
