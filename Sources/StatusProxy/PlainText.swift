// Text from outside for people: characters that could disguise it are made visible or removed.

extension Unicode.Scalar {
    /// Whether the character moves a terminal's cursor, breaks a line, or changes the direction of
    /// the text around it, so that a reader could be misled (UAX #9, UTR #36).
    var isDisruptive: Bool {
        guard value >= 0x20, value != 0x7F else { return true }
        guard value >= 0x80 else { return false }
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return true
        default: return properties.isBidiControl
        }
    }
}

extension String {
    /// The text with a blank for each control, line separator and bidirectional control.
    var onOneLine: String { replacingDisruptive { _ in " " } }

    /// The text with these characters escaped as in JSON (RFC 8259 7), so that a JSON text keeps
    /// its meaning. Line ends and tabs between tokens are kept.
    var escapedForTerminals: String {
        replacingDisruptive { scalar in
            guard scalar != "\n", scalar != "\r", scalar != "\t" else { return String(scalar) }
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
    }

    private func replacingDisruptive(_ replacement: (Unicode.Scalar) -> String) -> String {
        guard unicodeScalars.contains(where: \.isDisruptive) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            if scalar.isDisruptive {
                text += replacement(scalar)
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
