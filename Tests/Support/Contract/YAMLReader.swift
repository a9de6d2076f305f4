// Reads YAML text into a JSON value.

public import StatusCore
import Yams

/// Reads YAML as JSON in another notation (the JSON schema of YAML 1.2.2, 10.2): a plain scalar is
/// null, a boolean or a number where JSON has it so, and text otherwise. So `2026-11-01` is text,
/// and numbers keep their digits.
public enum YAMLReader {
    public static func read(_ text: String) throws -> JSONValue {
        guard let root = try Yams.compose(yaml: text) else {
            throw ContractFailure(at: "#", "is empty")
        }
        return try value(root)
    }

    private static func value(_ node: Node) throws -> JSONValue {
        switch node {
        case .scalar(let scalar): return value(scalar)
        case .sequence(let sequence): return .array(try sequence.map(value))
        case .mapping(let mapping):
            return .object(
                try mapping.map { key, value in
                    JSONValue.Member(try name(key), try self.value(value))
                })
        case .alias:
            throw ContractFailure(at: place(of: node), "is an alias; use $ref")
        }
    }

    private static func value(_ scalar: Node.Scalar) -> JSONValue {
        guard scalar.style == .plain else { return .string(scalar.string) }
        switch try? JSONReader.read(Array(scalar.string.utf8)) {
        case let value?: return value
        case nil: return .string(scalar.string)
        }
    }

    private static func name(_ node: Node) throws -> String {
        guard let scalar = node.scalar else {
            throw ContractFailure(at: place(of: node), "is a name that is not text")
        }
        return scalar.string
    }

    private static func place(of node: Node) -> String {
        node.mark.map { "line \($0.line)" } ?? "#"
    }
}
