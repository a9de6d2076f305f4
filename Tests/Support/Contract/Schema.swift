// Reads a JSON Schema into rules; every keyword is understood or refused.

import StatusCore

/// The part of JSON Schema 2020-12 that the contract uses, read strictly.
///
/// The document leaves answers room for later versions, but this version's answers must be as listed:
/// `additionalProperties: true` beside `properties` allows no other member here, `x-extensible-enum` no
/// other value, and a schema in `x-strict` applies, too.
struct Schema: Sendable {
    var rules: [Rule]
    private let isOpen: Bool
    /// The schema's own examples, to be checked against it.
    var examples: [JSONValue]

    /// One keyword and its requirement. A rule for another type of value always holds.
    indirect enum Rule: Sendable {
        /// The schema `false`: no value is valid.
        case nothing
        case reference(to: String)
        case type(oneOf: [ValueType])
        /// `enum`, and `const` as an enum of one.
        case value(oneOf: [JSONValue])
        /// `properties` with `additionalProperties`; nil if that is absent.
        case members([String: Schema], others: Schema?)
        case required([String])
        case items(Schema)
        case itemsMax(Int)
        case all([Schema])
        case any([Schema])
        case exactlyOne([Schema])
        case pattern(String)
        case dateTime
        case int64
        case minimum(Double)
        case maximum(Double)
        case lengthMin(Int)
        case lengthMax(Int)
    }

    enum ValueType: String, Sendable {
        case null, boolean, integer, number, string, array, object
    }
}

// MARK: - Reading

extension Schema {
    /// What later versions could not change without breaking clients generated from this one.
    private static let closing: Set = ["enum", "const", "oneOf", "anyOf", "maxItems"]

    /// - Parameter isOpen: of an answer's schema: there must be room for later versions, and every member
    ///   must be described.
    /// - Throws: `ContractFailure` for a keyword that is unknown, has an invalid value, or leaves no room, and
    ///   for a member without a description.
    init(_ value: JSONValue, at place: String, isOpen: Bool = false) throws(ContractFailure) {
        self.isOpen = isOpen
        rules = []
        examples = []
        if case .bool(let accepts) = value {
            if !accepts { rules = [.nothing] }
            return
        }
        guard case .object(let members) = value else {
            throw ContractFailure(at: place, "is not a schema")
        }
        for member in members { try read(member, of: value, at: "\(place)/\(member.name)") }
        if isOpen, value["properties"] != nil, value["additionalProperties"] != .bool(true) {
            throw ContractFailure(at: place, "has no room for other members")
        }
    }

    private mutating func read(
        _ member: JSONValue.Member, of whole: JSONValue, at place: String
    ) throws(ContractFailure) {
        let value = member.value
        if isOpen, Self.closing.contains(member.name) {
            throw ContractFailure(at: place, "leaves no room for later versions")
        }
        switch member.name {
        case "title", "description", "$comment": break
        case "examples": examples = try Self.list(value, at: place)
        case "$ref": rules.append(.reference(to: try Self.text(value, at: place)))
        case "type": rules.append(.type(oneOf: try Self.types(value, at: place)))
        case "enum", "x-extensible-enum":
            rules.append(.value(oneOf: try Self.scalars(value, at: place)))
        case "x-strict": rules.append(.all([try Schema(value, at: place)]))
        case "const": rules.append(.value(oneOf: try Self.scalars(.array([value]), at: place)))
        case "required":
            rules.append(.required(try Self.each(value, at: place, Self.text)))
        case "properties": rules.append(try members(of: whole, value, at: place))
        case "additionalProperties":
            if whole["properties"] == nil {
                rules.append(.members([:], others: try schema(value, at: place)))
            }
        case "items": rules.append(.items(try schema(value, at: place)))
        case "allOf": rules.append(.all(try Self.each(value, at: place, schema)))
        case "anyOf": rules.append(.any(try Self.each(value, at: place, schema)))
        case "oneOf": rules.append(.exactlyOne(try Self.each(value, at: place, schema)))
        case "pattern": rules.append(.pattern(try Self.pattern(value, at: place)))
        case "format":
            switch value.string {
            case "date-time": rules.append(.dateTime)
            case "int64": rules.append(.int64)
            default: throw ContractFailure(at: place, "is a format that is not checked")
            }
        case "minimum": rules.append(.minimum(try Self.number(value, at: place)))
        case "maximum": rules.append(.maximum(try Self.number(value, at: place)))
        case "minLength": rules.append(.lengthMin(try Self.count(value, at: place)))
        case "maxLength": rules.append(.lengthMax(try Self.count(value, at: place)))
        case "maxItems": rules.append(.itemsMax(try Self.count(value, at: place)))
        default: throw ContractFailure(at: place, "is a keyword that is not checked")
        }
    }

    private func members(
        of whole: JSONValue, _ properties: JSONValue, at place: String
    ) throws(ContractFailure) -> Rule {
        guard case .object(let members) = properties else {
            throw ContractFailure(at: place, "is not an object")
        }
        var named: [String: Schema] = [:]
        for member in members {
            let place = "\(place)/\(member.name)"
            let isDescribed = member.value["description"] != nil || member.value["$ref"] != nil
            if isOpen, !isDescribed { throw ContractFailure(at: place, "has no description") }
            named[member.name] = try schema(member.value, at: place)
        }
        switch whole["additionalProperties"] {
        case nil: return .members(named, others: nil)
        case .bool: return .members(named, others: try Schema(.bool(false), at: place))
        case let others?:
            let place = "\(place)/../additionalProperties"
            return .members(named, others: try schema(others, at: place))
        }
    }

    // MARK: Values of keywords

    private func schema(_ value: JSONValue, at place: String) throws(ContractFailure) -> Schema {
        try Schema(value, at: place, isOpen: isOpen)
    }

    private static func types(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> [ValueType] {
        let list = value.array ?? [value]
        let types = list.compactMap { $0.string.flatMap(ValueType.init) }
        guard types.count == list.count, !types.isEmpty else {
            throw ContractFailure(at: place, "is not a type")
        }
        return types
    }

    /// Arrays and objects are refused: nothing needs them, and their equality is harder to define.
    private static func scalars(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> [JSONValue] {
        let list = try list(value, at: place)
        guard !list.isEmpty, list.allSatisfy({ $0.array == nil && !$0.isObject }) else {
            throw ContractFailure(at: place, "is not a list of scalars")
        }
        return list
    }

    private static func pattern(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> String {
        let pattern = try text(value, at: place)
        guard (try? Regex(pattern)) != nil else {
            throw ContractFailure(at: place, "is not a regular expression")
        }
        return pattern
    }

    private static func text(_ value: JSONValue, at place: String) throws(ContractFailure) -> String
    {
        guard let text = value.string else { throw ContractFailure(at: place, "is not text") }
        return text
    }

    private static func list(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> [JSONValue] {
        guard let list = value.array else { throw ContractFailure(at: place, "is not a list") }
        return list
    }

    private static func number(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> Double {
        guard let number = value.double else { throw ContractFailure(at: place, "is not a number") }
        return number
    }

    private static func count(_ value: JSONValue, at place: String) throws(ContractFailure) -> Int {
        guard let count = value.integer, count >= 0 else {
            throw ContractFailure(at: place, "is not a count")
        }
        return Int(count)
    }

    private static func each<Part>(
        _ value: JSONValue, at place: String,
        _ read: (JSONValue, String) throws(ContractFailure) -> Part
    ) throws(ContractFailure) -> [Part] {
        var parts: [Part] = []
        for (index, part) in try list(value, at: place).enumerated() {
            parts.append(try read(part, "\(place)/\(index)"))
        }
        return parts
    }
}

extension JSONValue {
    /// The number, to a double's precision.
    var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }
}
