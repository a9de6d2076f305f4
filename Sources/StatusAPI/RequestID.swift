// The id of a request in logs and answers: the caller's own, or a generated one.

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
