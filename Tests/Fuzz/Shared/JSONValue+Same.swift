// Equality by bytes: `String` considers two spellings of "é" equal, JSON does not.

import StatusCore

extension JSONValue {
    func isSame(as other: JSONValue) -> Bool {
        switch (self, other) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)), (.string(let a), .string(let b)):
            a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)):
            a.count == b.count && zip(a, b).allSatisfy { $0.isSame(as: $1) }
        case (.object(let a), .object(let b)):
            a.count == b.count
                && zip(a, b).allSatisfy {
                    $0.name.utf8.elementsEqual($1.name.utf8) && $0.value.isSame(as: $1.value)
                }
        default: false
        }
    }
}

extension JSONWriter {
    static func bytes(of value: JSONValue, sorted: Bool = false) -> [UInt8] {
        var json = JSONWriter()
        json.value(value, sorted: sorted)
        return json.bytes
    }
}

/// The output of the service's own writers, which must be JSON.
func readOwn(_ bytes: [UInt8], _ what: String) -> JSONValue {
    do throws(JSONFailure) {
        return try JSONReader.read(bytes)
    } catch {
        fatalError("\(what) is no JSON: \(error)")
    }
}
