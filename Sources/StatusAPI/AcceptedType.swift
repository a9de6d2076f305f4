// Accept (RFC 9110 12.5.1): whether a client prefers another type to JSON.

public import HTTPWire

public enum AcceptedType {
    /// Whether events are accepted with at least the weight of JSON. `*/*` means JSON.
    static func prefersEvents(_ accept: Span<UInt8>) -> Bool {
        guard names("text", "event-stream", accept) else { return false }
        let (events, json) = qualities("text/event-stream", accept)
        return events > 0 && events >= json
    }

    /// Whether text is preferred to JSON. A caller that accepts both equally gets JSON.
    public static func prefersText(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Bool {
        var isPreferred = false
        head.forEachValue(of: "accept", in: bytes) { value in
            let (text, json) = qualities("text/plain", bytes.extracting(value))
            if text > json { isPreferred = true }
        }
        return isPreferred
    }

    private static func qualities(
        _ type: String, _ accept: Span<UInt8>
    ) -> (wanted: Double, json: Double) {
        let text = accept.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        var wanted = 0.0
        var json = 0.0
        for range in text.utf8.split(separator: UInt8(ascii: ",")) {
            let parts = range.split(separator: UInt8(ascii: ";")).map(word)
            switch parts.first {
            case type: wanted = max(wanted, quality(parts.dropFirst()))
            case "application/json": json = max(json, quality(parts.dropFirst()))
            default: break
            }
        }
        return (wanted, json)
    }

    /// Whether the field names a type, checked without a copy, since it hardly ever does.
    private static func names(
        _ type: StaticString, _ subtype: StaticString, _ accept: Span<UInt8>
    ) -> Bool {
        var start = 0
        while let slash = accept.firstIndex(of: UInt8(ascii: "/"), in: start..<accept.count) {
            start = slash + 1
            let end = start + subtype.utf8CodeUnitCount
            if slash >= type.utf8CodeUnitCount, end <= accept.count,
                accept.matches(subtype, at: start..<end),
                accept.matches(type, at: slash - type.utf8CodeUnitCount..<slash)
            {
                return true
            }
        }
        return false
    }

    private static func quality(_ parameters: ArraySlice<String>) -> Double {
        guard let weight = parameters.first(where: { $0.utf8.starts(with: "q=".utf8) }) else {
            return 1
        }
        return Double(String(weight.utf8.dropFirst(2)) ?? "") ?? 0
    }

    /// In lower case, without surrounding blanks.
    private static func word(_ part: Substring.UTF8View) -> String {
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let text = part.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        return String(decoding: Array(text), as: UTF8.self).lowercased()
    }
}
