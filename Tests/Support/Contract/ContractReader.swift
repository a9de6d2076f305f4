// Reads all of an OpenAPI document, as a JSON value, into paths, answers and schemas.

import StatusCore

/// Walks the document once. Anything unknown is a failure, and so is an operation, a parameter, a response
/// or a header field without a description or without an example.
struct ContractReader {
    private(set) var paths: [String: ContractDocument.Place] = [:]
    private(set) var answers: [String: ContractDocument.DocumentedAnswer] = [:]
    private(set) var schemas = SchemaSet()

    private let root: JSONValue
    private var operationIDs: Set<String> = []
    private var securitySchemes: Set<String> = []
    /// Collected on the way and checked at the end, when all schemas are known.
    private var examples: [(place: String, value: JSONValue, schema: Schema)] = []
    private var references: [(place: String, reference: String)] = []

    init(_ root: JSONValue) throws(ContractFailure) {
        self.root = root
        let names: Set = ["openapi", "info", "servers", "tags", "paths", "components"]
        _ = try Self.members(root, at: "#", known: names)
        guard root["openapi"]?.string?.hasPrefix("3.1.") == true else {
            throw ContractFailure(at: "#/openapi", "is not 3.1")
        }
        try readComponents(root["components"] ?? .object([]))
        try readPaths(root["paths"] ?? .object([]))
        try checkReferences()
        try checkExamples()
    }

    /// `Text/Plain; version=0.0.4` is `text/plain`.
    static func mediaType(_ text: String) -> String {
        let essence = text.split(separator: ";", omittingEmptySubsequences: false)[0]
        return essence.filter { $0 != " " }.lowercased()
    }

    // MARK: Components

    private mutating func readComponents(_ components: JSONValue) throws(ContractFailure) {
        let names: Set = ["schemas", "responses", "headers", "parameters", "securitySchemes"]
        _ = try Self.members(components, at: "#/components", known: names)
        let schemes = "#/components/securitySchemes"
        for member in try Self.members(components["securitySchemes"], at: schemes) {
            try readSecurityScheme(member.value, at: "\(schemes)/\(member.name)")
            securitySchemes.insert(member.name)
        }
        for member in try Self.members(components["schemas"], at: "#/components/schemas") {
            let place = "#/components/schemas/\(member.name)"
            schemas.named[member.name] = try schema(member.value, at: place, isOpen: true)
        }
        for member in try Self.members(components["headers"], at: "#/components/headers") {
            _ = try field(member.value, at: "#/components/headers/\(member.name)")
        }
        for member in try Self.members(components["parameters"], at: "#/components/parameters") {
            try readParameter(member.value, at: "#/components/parameters/\(member.name)")
        }
        for member in try Self.members(components["responses"], at: "#/components/responses") {
            answers[member.name] = try answer(
                member.value, at: "#/components/responses/\(member.name)")
        }
    }

    private func readSecurityScheme(_ value: JSONValue, at place: String) throws(ContractFailure) {
        _ = try Self.members(value, at: place, known: ["type", "scheme", "description"])
        guard value["type"]?.string == "http", value["scheme"]?.string == "bearer" else {
            throw ContractFailure(at: place, "is no bearer scheme")
        }
    }

    // MARK: Paths

    private mutating func readPaths(_ paths: JSONValue) throws(ContractFailure) {
        for path in try Self.members(paths, at: "#/paths") {
            let place = "#/paths/\(path.name)"
            let names: Set = [
                "summary", "description", "parameters", "get", "head", "options", "post", "put",
                "delete", "patch",
            ]
            var operations: ContractDocument.Place = [:]
            for member in try Self.members(path.value, at: place, known: names) {
                switch member.name {
                case "summary", "description": break
                case "parameters":
                    // They apply to every method; OPTIONS has no query parameters.
                    try readParameters(
                        member.value, at: "\(place)/parameters", from: ["path", "header"])
                default:
                    operations[member.name.uppercased()] = try operation(
                        member.value, at: "\(place)/\(member.name)")
                }
            }
            self.paths[path.name] = operations
        }
    }

    private mutating func operation(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> ContractDocument.Operation {
        let names: Set = [
            "operationId", "tags", "summary", "description", "parameters", "security", "responses",
        ]
        _ = try Self.members(value, at: place, known: names)
        guard let id = value["operationId"]?.string, operationIDs.insert(id).inserted else {
            throw ContractFailure(at: place, "has no operationId of its own")
        }
        _ = try Self.words("summary", of: value, at: place)
        _ = try Self.words("description", of: value, at: place)
        if let parameters = value["parameters"] {
            try readParameters(parameters, at: "\(place)/parameters")
        }
        var answers: [Int: ContractDocument.DocumentedAnswer] = [:]
        for member in try Self.members(value["responses"], at: "\(place)/responses") {
            guard let status = Int(member.name), (200...599).contains(status) else {
                throw ContractFailure(at: "\(place)/responses/\(member.name)", "is not a status")
            }
            answers[status] = try answer(member.value, at: "\(place)/responses/\(member.name)")
        }
        guard !answers.isEmpty else { throw ContractFailure(at: place, "has no responses") }
        if let security = value["security"] {
            try readSecurity(security, at: "\(place)/security")
            guard answers[401] != nil else { throw ContractFailure(at: place, "has no 401") }
        }
        return ContractDocument.Operation(answers: answers)
    }

    /// A list of alternatives; an empty one means that the request needs none.
    private func readSecurity(_ value: JSONValue, at place: String) throws(ContractFailure) {
        guard let alternatives = value.array else { throw ContractFailure(at: place, "is no list") }
        for alternative in alternatives {
            _ = try Self.members(alternative, at: place, known: securitySchemes)
        }
    }

    // MARK: Parameters

    /// Requests are not checked, but their schemas are read, so that an unknown keyword fails.
    private mutating func readParameters(
        _ value: JSONValue, at place: String, from locations: Set<String> = anywhere
    ) throws(ContractFailure) {
        guard let parameters = value.array else {
            throw ContractFailure(at: place, "is not a list")
        }
        for (index, parameter) in parameters.enumerated() {
            try readParameter(parameter, at: "\(place)/\(index)", from: locations)
        }
    }

    private static let anywhere: Set = ["path", "query", "header"]

    private mutating func readParameter(
        _ value: JSONValue, at place: String, from locations: Set<String> = anywhere
    ) throws(ContractFailure) {
        let value = try resolved(value, at: place)
        let names: Set = [
            "name", "in", "required", "description", "schema", "style", "explode", "example",
            "examples",
        ]
        _ = try Self.members(value, at: place, known: names)
        guard let location = value["in"]?.string, locations.contains(location) else {
            throw ContractFailure(at: place, "is in none of \(locations.sorted())")
        }
        _ = try Self.words("description", of: value, at: place)
        let schema = try schema(value["schema"] ?? .null, at: "\(place)/schema")
        _ = try collectExamples(of: value, schema, at: place)
    }

    // MARK: Answers

    private mutating func answer(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> ContractDocument.DocumentedAnswer {
        let value = try resolved(value, at: place)
        let names: Set = ["description", "headers", "content"]
        _ = try Self.members(value, at: place, known: names)
        var answer = ContractDocument.DocumentedAnswer(
            description: try Self.words("description", of: value, at: place))
        for member in try Self.members(value["headers"], at: "\(place)/headers") {
            answer.fields[member.name.lowercased()] = try field(
                member.value, at: "\(place)/headers/\(member.name)")
        }
        for member in try Self.members(value["content"], at: "\(place)/content") {
            let place = "\(place)/content/\(member.name)"
            let names: Set = ["schema", "example", "examples", "x-strict"]
            _ = try Self.members(member.value, at: place, known: names)
            let schema = try content(member.value, at: place)
            let type = Self.mediaType(member.name)
            answer.examples[type] = try collectExamples(of: member.value, schema, at: place)
            answer.content[type] = schema
        }
        return answer
    }

    /// The content's schema, for every version and for this one. At least one of the two exists.
    private mutating func content(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> Schema {
        guard let strict = value["x-strict"] else {
            return try schema(value["schema"] ?? .null, at: "\(place)/schema", isOpen: true)
        }
        var both = try schema(value["schema"] ?? .bool(true), at: "\(place)/schema", isOpen: true)
        both.rules.append(.all([try schema(strict, at: "\(place)/x-strict")]))
        return both
    }

    private mutating func field(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> ContractDocument.DocumentedField {
        let value = try resolved(value, at: place)
        let names: Set = ["description", "required", "schema", "example", "examples"]
        _ = try Self.members(value, at: place, known: names)
        _ = try Self.words("description", of: value, at: place)
        let schema = try schema(value["schema"] ?? .null, at: "\(place)/schema")
        _ = try collectExamples(of: value, schema, at: place)
        return ContractDocument.DocumentedField(
            isRequired: value["required"] == .bool(true), schema: schema)
    }

    // MARK: Schemas and examples

    private mutating func schema(
        _ value: JSONValue, at place: String, isOpen: Bool = false
    ) throws(ContractFailure) -> Schema {
        let schema = try Schema(value, at: place, isOpen: isOpen)
        collect(schema, at: place)
        return schema
    }

    /// Collects the examples and references of a schema and of all schemas in it.
    private mutating func collect(_ schema: Schema, at place: String) {
        examples += schema.examples.map { ("\(place)/examples", $0, schema) }
        for rule in schema.rules {
            if case .reference(let reference) = rule { references.append((place, reference)) }
            for part in rule.schemas { collect(part, at: place) }
        }
    }

    /// Collects the examples of a parameter, a field or a content. There must be one, unless the schema
    /// allows only one value.
    private mutating func collectExamples(
        of value: JSONValue, _ schema: Schema, at place: String
    ) throws(ContractFailure) -> [JSONValue] {
        var found = value["example"].map { [("\(place)/example", $0)] } ?? []
        for member in try Self.members(value["examples"], at: "\(place)/examples") {
            let place = "\(place)/examples/\(member.name)"
            let names: Set = ["summary", "description", "value"]
            _ = try Self.members(member.value, at: place, known: names)
            guard let example = member.value["value"] else {
                throw ContractFailure(at: place, "has no value")
            }
            found.append((place, example))
        }
        guard !found.isEmpty || value["schema"]?["const"] != nil else {
            throw ContractFailure(at: place, "has no example")
        }
        examples += found.map { ($0.0, $0.1, schema) }
        return found.map(\.1)
    }

    private func checkExamples() throws(ContractFailure) {
        for example in examples {
            let faults = schemas.violations(example.value, example.schema)
            guard faults.isEmpty else {
                throw ContractFailure(at: example.place, faults.joined(separator: "; "))
            }
        }
    }

    // MARK: References

    private func checkReferences() throws(ContractFailure) {
        for (place, reference) in references where schemas.schema(at: reference) == nil {
            throw ContractFailure(at: place, "refers to '\(reference)', which is no schema")
        }
    }

    /// The value itself, or the target of its `$ref` in this document; references do not chain.
    private func resolved(
        _ value: JSONValue, at place: String
    ) throws(ContractFailure) -> JSONValue {
        guard let reference = value["$ref"] else { return value }
        _ = try Self.members(value, at: place, known: ["$ref"])
        var target: JSONValue? = root
        let path = reference.string ?? ""
        for name in path.split(separator: "/").dropFirst() { target = target?[String(name)] }
        guard path.hasPrefix("#/components/"), let target else {
            throw ContractFailure(at: place, "refers to '\(path)', which is not there")
        }
        return target
    }

    /// A text for readers, which must exist.
    private static func words(
        _ name: String, of value: JSONValue, at place: String
    ) throws(ContractFailure) -> String {
        guard let text = value[name]?.string, !text.isEmpty else {
            throw ContractFailure(at: place, "has no \(name)")
        }
        return text
    }

    /// The members of an object, all with known names; empty if it is absent.
    private static func members(
        _ value: JSONValue?, at place: String, known: Set<String>? = nil
    ) throws(ContractFailure) -> [JSONValue.Member] {
        guard let value else { return [] }
        guard case .object(let members) = value else {
            throw ContractFailure(at: place, "is not an object")
        }
        if let known, let odd = members.first(where: { !known.contains($0.name) }) {
            throw ContractFailure(at: "\(place)/\(odd.name)", "is a keyword that is not checked")
        }
        return members
    }
}

extension Schema.Rule {
    /// The schemas in this rule.
    var schemas: [Schema] {
        switch self {
        case .members(let named, let others): Array(named.values) + (others.map { [$0] } ?? [])
        case .items(let schema): [schema]
        case .all(let schemas), .any(let schemas), .exactlyOne(let schemas): schemas
        default: []
        }
    }
}
