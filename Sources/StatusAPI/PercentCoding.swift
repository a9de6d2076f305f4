// Decodes percent-encoding (RFC 3986 2.1).

import HTTPWire

public enum PercentCoding {
    /// The decoded text; nil if an escape is malformed or the octets are not UTF-8.
    public static func decode(_ encoded: Span<UInt8>, plusIsBlank: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encoded.count)
        var index = 0
        while index < encoded.count {
            if encoded[index] == UInt8(ascii: "%") {
                guard index + 2 < encoded.count, let high = hexValue(encoded[index + 1]),
                    let low = hexValue(encoded[index + 2])
                else { return nil }
                bytes.append(high << 4 | low)
                index += 3
            } else {
                let isBlank = plusIsBlank && encoded[index] == UInt8(ascii: "+")
                bytes.append(isBlank ? UInt8(ascii: " ") : encoded[index])
                index += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    public static func isEscaped(_ text: Span<UInt8>) -> Bool {
        text.firstIndex(of: UInt8(ascii: "%"), in: text.indices) != nil
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
