// Checks values against schemas.

import StatusCore

/// Named schemas that may refer to each other, by `#/components/schemas/NAME`.
struct SchemaSet: Sendable {
    static let prefix = "#/components/schemas/"

    var named: [String: Schema] = [:]

    func schema(at reference: String) -> Schema? {
        guard reference.hasPrefix(Self.prefix) else { return nil }
        return named[String(reference.dropFirst(Self.prefix.count))]
    }

    /// The violations, one sentence each, starting with the position in the value; empty if the value is
    /// valid.
    func violations(_ value: JSONValue, _ schema: Schema, at place: String = "$") -> [String] {
        schema.rules.flatMap { violations(value, $0, at: place) }
    }

    private func violations(_ value: JSONValue, _ rule: Schema.Rule, at place: String) -> [String] {
        switch rule {
        case .nothing: return ["\(place): is not allowed"]
        case .reference(let reference):
            guard let schema = schema(at: reference) else {
                return ["\(place): '\(reference)' is no schema"]
            }
            return violations(value, schema, at: place)
        case .type(let types):
            guard !types.contains(where: value.isOf) else { return [] }
            let names = types.map(\.rawValue).joined(separator: " or ")
            return ["\(place): is not of type \(names)"]
        case .value(let allowed):
            return allowed.contains(where: value.isSameScalar) ? [] : ["\(place): is no such value"]
        case .members, .required: return objectViolations(value, rule, at: place)
        case .items, .itemsMax: return arrayViolations(value, rule, at: place)
        case .all, .any, .exactlyOne: return combinedViolations(value, rule, at: place)
        case .pattern, .dateTime, .lengthMin, .lengthMax:
            return value.string.flatMap { stringFault($0, rule) }.map { ["\(place): \($0)"] } ?? []
        case .int64:
            let isTooLarge = value.isOf(.integer) && value.integer == nil
            return isTooLarge ? ["\(place): is no 64-bit integer"] : []
        case .minimum(let bound):
            return value.double.map { $0 >= bound } ?? true ? [] : ["\(place): is under \(bound)"]
        case .maximum(let bound):
            return value.double.map { $0 <= bound } ?? true ? [] : ["\(place): is over \(bound)"]
        }
    }

    private func objectViolations(
        _ value: JSONValue, _ rule: Schema.Rule, at place: String
    ) -> [String] {
        guard case .object(let members) = value else { return [] }
        switch rule {
        case .required(let names):
            return names.filter { name in !members.contains { $0.name == name } }
                .map { "\(place): has no '\($0)'" }
        case .members(let schemas, let others):
            return members.flatMap { member in
                (schemas[member.name] ?? others).map {
                    violations(member.value, $0, at: "\(place).\(member.name)")
                } ?? []
            }
        default: return []
        }
    }

    private func arrayViolations(
        _ value: JSONValue, _ rule: Schema.Rule, at place: String
    ) -> [String] {
        guard let items = value.array else { return [] }
        switch rule {
        case .items(let schema):
            return items.enumerated().flatMap { index, item in
                violations(item, schema, at: "\(place)[\(index)]")
            }
        case .itemsMax(let count):
            return items.count <= count ? [] : ["\(place): has more than \(count) items"]
        default: return []
        }
    }

    private func combinedViolations(
        _ value: JSONValue, _ rule: Schema.Rule, at place: String
    ) -> [String] {
        switch rule {
        case .all(let schemas):
            return schemas.flatMap { violations(value, $0, at: place) }
        case .any(let schemas):
            let faults = schemas.map { violations(value, $0, at: place) }
            guard !faults.contains(where: \.isEmpty) else { return [] }
            return ["\(place): is none of"] + faults.joined()
        case .exactlyOne(let schemas):
            let faults = schemas.map { violations(value, $0, at: place) }
            switch faults.count(where: \.isEmpty) {
            case 0: return ["\(place): is none of"] + faults.joined()
            case 1: return []
            case let count: return ["\(place): is \(count) of what it may be one of"]
            }
        default: return []
        }
    }

    private func stringFault(_ text: String, _ rule: Schema.Rule) -> String? {
        switch rule {
        case .pattern(let pattern):
            // Checked when the schema was read. `Regex` is not Sendable, so it is not stored.
            let matches = (try? Regex(pattern).firstMatch(in: text)) != nil
            return matches ? nil : "does not match \(pattern)"
        case .dateTime: return RFC3339.parse(text) == nil ? "is not a date-time" : nil
        // JSON Schema counts code points (RFC 8259 characters).
        case .lengthMin(let count):
            return text.unicodeScalars.count < count ? "is shorter than \(count)" : nil
        case .lengthMax(let count):
            return text.unicodeScalars.count > count ? "is longer than \(count)" : nil
        default: return nil
        }
    }
}

extension JSONValue {
    fileprivate func isOf(_ type: Schema.ValueType) -> Bool {
        switch (self, type) {
        case (.null, .null), (.bool, .boolean), (.number, .number), (.string, .string),
            (.array, .array), (.object, .object):
            true
        // A number without a fraction is an integer, however it is written.
        case (.number, .integer): integer != nil || double.map { $0 == $0.rounded() } ?? false
        default: false
        }
    }

    /// 200 and 200.0 are one number.
    fileprivate func isSameScalar(_ other: JSONValue) -> Bool {
        if case .number = self, case .number = other { return double == other.double }
        return self == other
    }
}
