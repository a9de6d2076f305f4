// The service's own contract, and the examples and values that it lists.

public import StatusCore

extension ContractDocument {
    /// `openapi/status-proxy.yaml`, read once.
    public static func ofThisService() throws -> ContractDocument { try service.get() }

    private static let service = Result { try ContractDocument.load(servicePath) }

    /// The package's folder is four levels above this file.
    private static let servicePath: String = {
        let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return folders.dropLast(4).joined(separator: "/") + "/openapi/status-proxy.yaml"
    }()

    /// The content examples of a media type in all responses.
    public func examples(of mediaType: String) -> [JSONValue] {
        answers.values.flatMap { $0.examples[mediaType] ?? [] }
    }

    /// The examples of a problem with that code, in the responses that describe the code.
    public func examples(ofProblem code: String) -> [JSONValue] {
        let explaining = answers.values.filter { $0.description.contains("`\(code)`") }
        return explaining.flatMap { $0.examples["application/problem+json"] ?? [] }
            .filter { $0["code"]?.string == code }
    }

    /// All texts that a member of a named schema may have; empty if any is allowed.
    public func values(of member: String, schema name: String) -> Set<String> {
        guard let schema = schemas.named[name] else { return [] }
        let members = schema.rules.compactMap { rule -> Schema? in
            guard case .members(let named, _) = rule else { return nil }
            return named[member]
        }
        return Set(members.flatMap(texts))
    }

    private func texts(_ schema: Schema) -> [String] {
        schema.rules.flatMap { rule -> [String] in
            switch rule {
            case .value(let values): values.compactMap(\.string)
            case .reference(let reference): schemas.schema(at: reference).map(texts) ?? []
            default: []
            }
        }
    }
}
