// The Prefer field (RFC 7240): wishes of the caller, which need not be granted.

import HTTPWire

enum Preference {
    /// A field's text as scalars: as characters, a combining mark would hide the separator before
    /// it, and U+037E would equal a semicolon.
    private typealias Scalars = Substring.UnicodeScalarView

    /// The `wait` preference in seconds, RFC 7240 4.3. The first of several counts (RFC 7240 2).
    static func wait(in prefer: Span<UInt8>) -> Int? {
        let text = prefer.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        for preference in unquotedParts(of: text.unicodeScalars[...], separator: ",") {
            let token = unquotedParts(of: preference, separator: ";")[0]
            let halves = token.split(separator: "=", maxSplits: 1).map(trimmed)
            guard let name = halves.first, String(name).lowercased() == "wait" else { continue }
            guard halves.count == 2 else { return nil }
            var seconds = unquoted(halves[1])
            return seconds.withUTF8 { QueryParameters.wholeSeconds($0.span) }
        }
        return nil
    }

    /// Splits at separators outside quoted strings (RFC 9110 5.6.4).
    private static func unquotedParts(of text: Scalars, separator: Unicode.Scalar) -> [Scalars] {
        var parts: [Scalars] = []
        var start = text.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in text.indices {
            let scalar = text[index]
            if scalar == separator, !isQuoted {
                parts.append(text[start..<index])
                start = text.index(after: index)
                continue
            }
            if scalar == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = isQuoted && scalar == "\\" && !isEscaped
        }
        return parts + [text[start...]]
    }

    private static func trimmed(_ text: Scalars) -> Scalars {
        let isBlank: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }

    /// The text of a quoted string; a backslash escapes the next character (RFC 9110 5.6.4).
    private static func unquoted(_ text: Scalars) -> String {
        guard text.count >= 2, text.first == "\"", text.last == "\"" else { return String(text) }
        var unquoted = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in text.dropFirst().dropLast() {
            isEscaped = scalar == "\\" && !isEscaped
            if !isEscaped { unquoted.append(scalar) }
        }
        return String(unquoted)
    }
}
