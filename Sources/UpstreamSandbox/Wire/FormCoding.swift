// Reads percent-encoding and `name=value` pairs (application/x-www-form-urlencoded).

enum FormCoding {
    /// The pairs in order, names and values decoded.
    static func pairs(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: "&").map { pair in
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decodeForm(halves[0]), halves.count > 1 ? decodeForm(halves[1]) : "")
        }
    }

    /// A malformed escape is kept as it is, and bytes that are not UTF-8 become U+FFFD: for the
    /// sandbox that is just an unknown id.
    static func decode(_ text: Substring) -> String {
        let encoded = Array(text.utf8)
        var bytes: [UInt8] = []
        var index = 0
        while index < encoded.count {
            if encoded[index] == UInt8(ascii: "%"), index + 2 < encoded.count,
                let byte = byte(encoded[index + 1], encoded[index + 2])
            {
                bytes.append(byte)
                index += 3
            } else {
                bytes.append(encoded[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func decodeForm(_ text: Substring) -> String {
        decode(text.contains("+") ? Substring(text.map { $0 == "+" ? " " : $0 }) : text)
    }

    private static func byte(_ high: UInt8, _ low: UInt8) -> UInt8? {
        guard let high = Character(Unicode.Scalar(high)).hexDigitValue,
            let low = Character(Unicode.Scalar(low)).hexDigitValue
        else { return nil }
        return UInt8(high * 16 + low)
    }
}
