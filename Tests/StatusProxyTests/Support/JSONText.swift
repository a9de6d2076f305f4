// JSON texts of answers and log lines, read back with the house's own reader.

import StatusCore
import Testing

/// The value that a text is; the test fails when it is none.
func json(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

extension JSONValue {
    /// Names in the order of the text.
    var names: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.name)
    }
}
