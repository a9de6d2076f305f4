// Reads the JSON of answers and log lines with the service's own reader.

import StatusCore
import Testing

/// The value of a text; the test fails if it has none.
func json(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

extension JSONValue {
    /// Names in the order of the text.
    var names: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.name)
    }
}
