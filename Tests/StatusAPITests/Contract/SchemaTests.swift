import StatusCore
import Testing

@testable import TestSupport

@Suite struct SchemaTests {
    struct Keyword: Sendable, CustomTestStringConvertible {
        var schema: String
        var good: [String]
        var bad: [String]

        var testDescription: String { schema }
    }

    private func violations(_ schema: String, _ json: String) throws -> [String] {
        let value = try YAMLReader.read(schema)
        let schemas = SchemaSet(named: [
            "Name": try Schema(.object([.init("maxLength", .number("3"))]), at: "#")
        ])
        return schemas.violations(try JSONReader.read(Array(json.utf8)), try Schema(value, at: "#"))
    }

    @Test(arguments: [
        Keyword(schema: "true", good: ["1", "null", "{}"], bad: []),
        Keyword(schema: "{}", good: ["1", "null", "{}"], bad: []),
        Keyword(schema: "false", good: [], bad: ["1", "null", "{}"]),
        Keyword(schema: "type: string", good: [#""a""#, #""""#], bad: ["1", "null", "{}", "[]"]),
        Keyword(schema: "type: 'null'", good: ["null"], bad: ["0", "false", #""null""#]),
        Keyword(schema: "type: boolean", good: ["true", "false"], bad: ["0", #""true""#, "null"]),
        Keyword(
            schema: "type: integer", good: ["0", "-7", "9007199254740993", "3.0", "3e2"],
            bad: ["3.5", #""3""#, "null", "true"]),
        Keyword(schema: "type: number", good: ["0", "3.5", "-1e-3"], bad: [#""3""#, "null"]),
        Keyword(schema: "type: array", good: ["[]", "[1]"], bad: ["{}", "1"]),
        Keyword(schema: "type: object", good: ["{}"], bad: ["[]", "1", "null"]),
        Keyword(
            schema: "type: [string, 'null']", good: [#""a""#, "null"], bad: ["1", "[]", "false"]),
        Keyword(
            schema: "enum: [a, 200, null, true]", good: [#""a""#, "200", "200.0", "null", "true"],
            bad: [#""b""#, #""200""#, "201", "false", "[]"]),
        Keyword(schema: "const: 404", good: ["404", "404.0"], bad: ["405", #""404""#, "null"]),
        Keyword(schema: "const: no-store", good: [#""no-store""#], bad: [#""no-cache""#, "1"]),
        Keyword(
            schema: "required: [a, b]", good: [#"{"a":1,"b":null}"#, "1"],
            bad: ["{}", #"{"a":1}"#]),
        Keyword(
            schema: "properties: {a: {type: integer}}", good: ["{}", #"{"a":1,"b":2}"#, "1"],
            bad: [#"{"a":"1"}"#, #"{"a":null}"#]),
        Keyword(
            schema: "{properties: {a: {}}, additionalProperties: false}",
            good: ["{}", #"{"a":1}"#, "[]"], bad: [#"{"b":1}"#, #"{"a":1,"A":1}"#]),
        Keyword(
            schema: "{additionalProperties: false, properties: {a: {}}}",
            good: [#"{"a":1}"#], bad: [#"{"b":1}"#]),
        // Room for later versions; this version must be as listed.
        Keyword(
            schema: "{properties: {a: {}}, additionalProperties: true}",
            good: ["{}", #"{"a":1}"#, "[]"], bad: [#"{"a":1,"b":1}"#]),
        Keyword(
            schema: "x-extensible-enum: [a, null]", good: [#""a""#, "null"], bad: [#""b""#, "1"]),
        Keyword(
            schema: "{type: integer, x-strict: {minimum: 3}}", good: ["3"], bad: ["2", #""x""#]),
        Keyword(
            schema: "additionalProperties: {type: integer}", good: ["{}", #"{"x":1,"y":2}"#],
            bad: [#"{"x":1,"y":"2"}"#]),
        Keyword(
            schema: "items: {type: integer}", good: ["[]", "[1,2]", #""a""#],
            bad: [#"[1,"2"]"#, "[null]"]),
        Keyword(schema: "maxItems: 2", good: ["[]", "[1,2]", "9"], bad: ["[1,2,3]"]),
        Keyword(
            schema: "allOf: [{type: integer}, {minimum: 3}]", good: ["3"], bad: ["2", #""x""#]),
        Keyword(
            schema: "anyOf: [{type: integer}, {type: number}]", good: ["3", "3.5"],
            bad: [#""x""#, "null"]),
        Keyword(
            schema: "oneOf: [{type: 'null'}, {type: string}]", good: ["null", #""x""#],
            bad: ["1", "{}"]),
        Keyword(
            schema: "oneOf: [{type: integer}, {type: number}]", good: ["3.5"], bad: ["3", "null"]),
        Keyword(
            schema: "pattern: '^[a-z]+$'", good: [#""abc""#, "1"],
            bad: [#""""#, #""aBc""#, #""abc\n""#]),
        Keyword(schema: "pattern: b", good: [#""abc""#], bad: [#""acd""#]),
        Keyword(
            schema: "format: date-time",
            good: [#""2026-11-01T10:00:00Z""#, #""2026-11-01T10:00:00.120+01:00""#, "1", "null"],
            bad: [#""2026-11-01""#, #""2026-11-31T10:00:00Z""#, #""""#, #""soon""#]),
        Keyword(
            schema: "format: int64", good: ["0", "-9223372036854775808", "0.5", #""a""#, "null"],
            bad: ["9223372036854775808", "1e30"]),
        Keyword(schema: "minimum: 0", good: ["0", "0.1", #""a""#], bad: ["-1", "-0.1"]),
        Keyword(schema: "maximum: 100", good: ["100", "-3", "null"], bad: ["100.5", "101"]),
        Keyword(schema: "minLength: 2", good: [#""ab""#, #""日本""#, "1"], bad: [#""""#, #""日""#]),
        Keyword(schema: "maxLength: 2", good: [#""ab""#, #""日本""#, "1"], bad: [#""abc""#]),
        Keyword(
            schema: "$ref: '#/components/schemas/Name'", good: [#""abc""#], bad: [#""abcd""#]),
        Keyword(
            schema: "$ref: '#/components/schemas/Nobody'", good: [], bad: ["1", "null"]),
        Keyword(
            schema: "{title: t, description: d, $comment: c, examples: [1]}", good: ["null"],
            bad: []),
    ])
    func keywordAcceptsWhatItShouldAndNothingElse(keyword: Keyword) throws {
        for json in keyword.good {
            try expectEqual(violations(keyword.schema, json), [], "\(json)")
        }
        for json in keyword.bad {
            #expect(try !violations(keyword.schema, json).isEmpty, "\(json)")
        }
    }

    @Test(
        arguments: [
            ("{enum: [a]}", "{x-extensible-enum: [a]}"), ("{const: a}", "{type: string}"),
            ("{oneOf: [{type: 'null'}, {type: string}]}", "{type: [string, 'null']}"),
            ("{anyOf: [{type: string}]}", "{allOf: [{type: string}]}"),
            ("{maxItems: 2}", "{items: {type: string}}"),
            ("{properties: {}}", "{properties: {}, additionalProperties: true}"),
            (
                "{properties: {}, additionalProperties: false}",
                "{properties: {}, additionalProperties: true}"
            ),
            (
                "{properties: {a: {}}, additionalProperties: true}",
                "{properties: {a: {description: A.}}, additionalProperties: true}"
            ),
        ])
    func schemaOfAnAnswerIsExtensibleAndDescribesMembers(closed: String, open: String)
        throws
    {
        for frame in ["#", "{items: #}", "{additionalProperties: #}", "{allOf: [#]}"] {
            func read(_ part: String, isOpen: Bool) throws {
                let text = frame.split(separator: "#", omittingEmptySubsequences: false)
                    .joined(separator: part)
                _ = try Schema(try YAMLReader.read(text), at: "#", isOpen: isOpen)
            }
            #expect(throws: ContractFailure.self) { try read(closed, isOpen: true) }
            try read(open, isOpen: true)
            try read("{x-strict: \(closed)}", isOpen: true)
            try read(closed, isOpen: false)
        }
    }

    @Test func violationNamesThePlace() throws {
        let schema = "properties: {a: {items: {required: [b], properties: {c: {type: string}}}}}"
        try expectEqual(
            violations(schema, #"{"a":[{"b":1},{"c":2}]}"#),
            [
                "$.a[1]: has no 'b'", "$.a[1].c: is not of type string",
            ])
    }

    @Test(arguments: [
        "minItems: 1", "uniqueItems: true", "nullable: true", "format: uuid", "multipleOf: 2",
        "exclusiveMinimum: 0", "patternProperties: {a: {}}", "if: {}", "typ: string",
        "unevaluatedProperties: false", "dependentRequired: {a: [b]}", "default: 1",
        // Known keywords with invalid values.
        "type: text", "type: []", "type: 1", "enum: a", "enum: []", "enum: [[1]]", "const: {a: 1}",
        "required: a", "required: [1]", "properties: []", "properties: {a: 1}",
        "additionalProperties: 1", "items: [{}]", "maxItems: -1", "maxItems: many", "allOf: {}",
        "anyOf: [1]", "oneOf: {}", "pattern: '['", "pattern: 1", "minimum: low", "maxLength: 1.5",
        "$ref: 1", "examples: 1", "1", "[]",
    ])
    func unsupportedSchemaIsRefused(schema: String) throws {
        let value = try YAMLReader.read(schema)
        #expect(throws: ContractFailure.self) { try Schema(value, at: "#") }
    }
}
