// Checks HTTP answers against an OpenAPI document.

import Glibc
public import HTTPWire
public import StatusCore

/// The contract of the HTTP API, ready to check answers against.
///
/// Everything in the document, its own examples included, is either checked or refused when it is loaded:
/// a keyword that no rule checks would promise nothing.
public struct ContractDocument: Sendable {
    let paths: [String: Place]
    /// `#/components/responses`, by name.
    let answers: [String: DocumentedAnswer]
    let schemas: SchemaSet

    /// The operations of a path by method, in capitals.
    typealias Place = [String: Operation]

    struct Operation: Sendable {
        /// By status.
        var answers: [Int: DocumentedAnswer]
    }

    /// One answer of one operation.
    struct DocumentedAnswer: Sendable {
        var description: String
        /// By name in lower case.
        var fields: [String: DocumentedField] = [:]
        /// Schemas by media type, without parameters; empty when there is no content.
        var content: [String: Schema] = [:]
        /// By media type, without parameters.
        var examples: [String: [JSONValue]] = [:]
    }

    struct DocumentedField: Sendable {
        var isRequired: Bool
        var schema: Schema
    }

    /// Reads the document from a file.
    public static func load(_ path: String) throws -> ContractDocument {
        try ContractDocument(yaml: String(contentsOfFile: path))
    }

    /// - Throws: `ContractFailure` if it is not an OpenAPI document, or has something that the checker does
    ///   not understand.
    public init(yaml: String) throws {
        let reader = try ContractReader(YAMLReader.read(yaml))
        (paths, answers, schemas) = (reader.paths, reader.answers, reader.schemas)
    }

    /// Every path with its methods, as in "GET /livez", which a service must serve.
    public var operations: Set<String> {
        Set(paths.flatMap { path, place in place.keys.map { "\($0) \(path)" } })
    }

    /// Every status of an operation.
    public func statuses(method: String, path: String) -> Set<Int> {
        Set(paths[path]?[method]?.answers.keys.map { $0 } ?? [])
    }

    // MARK: Checking

    /// The violations of an answer, one sentence each; empty if it keeps the contract.
    ///
    /// - Parameter path: a template of the document, or a path that matches one.
    public func violations(
        method: String, path: String, status: Int, fields: [(name: String, value: String)],
        body: [UInt8]
    ) -> [String] {
        guard let answer = documentedAnswer(method, path, status) else {
            return ["\(method) \(path): status \(status) is not in the contract"]
        }
        let faults = violations(answer, fields, body, isHead: method == "HEAD")
        return faults.map { "\(method) \(path), \(status): \($0)" }
    }

    /// The same for a complete answer as a value.
    public func violations(method: String, path: String, _ response: Response) -> [String] {
        violations(
            method: method, path: path, status: response.status,
            fields: response.fields.map { ($0.name, $0.value) }, body: response.body)
    }

    /// The violations of an answer that belongs to no route, by the response of that name.
    public func violations(ofAnswer name: String, _ response: Response) -> [String] {
        guard let answer = answers[name] else { return ["'\(name)' is no response"] }
        let fields = response.fields.map { ($0.name, $0.value) }
        return violations(answer, fields, response.body, isHead: false).map { "\(name): \($0)" }
    }

    /// The violations of a value by the schema of that name.
    public func violations(of value: JSONValue, schema name: String) -> [String] {
        guard let schema = schemas.named[name] else { return ["'\(name)' is no schema"] }
        return schemas.violations(value, schema)
    }

    private func violations(
        _ answer: DocumentedAnswer, _ fields: [(name: String, value: String)], _ body: [UInt8],
        isHead: Bool
    ) -> [String] {
        fieldViolations(answer, fields) + contentViolations(answer, fields, body, isHead: isHead)
    }

    /// A method that the path does not have is answered as its GET documents for 405, and a path that the
    /// document does not have by the response `RouteNotFound`.
    private func documentedAnswer(_ method: String, _ path: String, _ status: Int)
        -> DocumentedAnswer?
    {
        guard let place = place(at: path) else {
            return status == 404 ? answers["RouteNotFound"] : nil
        }
        if let operation = place[method] { return operation.answers[status] }
        return status == 405 ? place["GET"]?.answers[405] : nil
    }

    private func place(at path: String) -> Place? {
        if let place = paths[path] { return place }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        return paths.first { template, _ in
            let parts = template.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == segments.count
                && zip(parts, segments).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
        }?.value
    }
}

// MARK: - Fields

extension ContractDocument {
    /// The fields that the server adds to every answer; the media type is checked with the content.
    private static let everywhere: Set<String> = [
        "date", "content-length", "transfer-encoding", "connection", "content-type",
    ]

    private func fieldViolations(
        _ answer: DocumentedAnswer, _ fields: [(name: String, value: String)]
    ) -> [String] {
        var faults: [String] = []
        var seen: Set<String> = []
        for (name, value) in fields.map({ ($0.name.lowercased(), $0.value) }) {
            if !seen.insert(name).inserted { faults.append("the field '\(name)' is repeated") }
            guard !Self.everywhere.contains(name) else { continue }
            guard let field = answer.fields[name] else {
                faults.append("the field '\(name)' is not in the contract")
                continue
            }
            let read = Self.value(value, isNumber: field.schema.wantsNumber)
            faults += schemas.violations(read, field.schema, at: name)
        }
        let missing = answer.fields.filter { $1.isRequired && !seen.contains($0) }.keys
        return faults + missing.sorted().map { "the field '\($0)' is missing" }
    }

    /// A field's value as text, or as a number where the schema expects one and it is all digits.
    private static func value(_ text: String, isNumber: Bool) -> JSONValue {
        let isDigits = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isNumber && isDigits ? .number(text) : .string(text)
    }
}

extension Schema {
    fileprivate var wantsNumber: Bool {
        rules.contains { rule in
            guard case .type(let types) = rule else { return false }
            return types.contains(.integer) || types.contains(.number)
        }
    }
}

// MARK: - Content

extension ContractDocument {
    private func contentViolations(
        _ answer: DocumentedAnswer, _ fields: [(name: String, value: String)], _ body: [UInt8],
        isHead: Bool
    ) -> [String] {
        let reported = fields.first { $0.name.lowercased() == "content-type" }?.value
        guard !answer.content.isEmpty else {
            return (reported == nil ? [] : ["there is a media type without content"])
                + (body.isEmpty ? [] : ["there is content"])
        }
        guard let reported else { return ["the media type is missing"] }
        guard let schema = answer.content[ContractReader.mediaType(reported)] else {
            return ["the media type '\(reported)' is not in the contract"]
        }
        // RFC 9110 9.3.2: the same fields as for GET, and no content.
        guard !isHead else { return body.isEmpty ? [] : ["there is content in an answer to HEAD"] }
        return bodyViolations(body, schema, isJSON: reported.contains("json"))
    }

    private func bodyViolations(_ body: [UInt8], _ schema: Schema, isJSON: Bool) -> [String] {
        guard isJSON else {
            guard let text = String(validating: body, as: UTF8.self) else {
                return ["the content is not UTF-8"]
            }
            return schemas.violations(.string(text), schema)
        }
        do throws(JSONFailure) {
            return schemas.violations(try JSONReader.read(body), schema)
        } catch {
            return ["the content is not JSON: \(error)"]
        }
    }
}

extension String {
    fileprivate init(contentsOfFile path: String) throws {
        guard let file = fopen(path, "r") else {
            throw ContractFailure(at: path, "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
            bytes += chunk[..<count]
        }
        self = String(decoding: bytes, as: UTF8.self)
    }
}
