// Text from outside on its way to people: what could make it look like something else is made visible,
// or taken out.

extension Unicode.Scalar {
    /// Moves a terminal's cursor, breaks a line, or turns the direction of what stands around it: a reader
    /// could take the text for another one (UAX #9, UTR #36).
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
    /// With a blank in place of each control, line separator and bidirectional control.
    var onOneLine: String { replacingDisruptive { _ in " " } }

    /// With those as JSON writes them (RFC 8259 7), so that a JSON text keeps its meaning. Line ends
    /// and tabs, which stand between its tokens, stay.
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
