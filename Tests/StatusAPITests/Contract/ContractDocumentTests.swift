import HTTPWire
import StatusCore
import Testing

@testable import TestSupport

@Suite struct ContractDocumentTests {
    typealias Fields = [(name: String, value: String)]

    /// A contract of one route, small enough to break in every way.
    static let yaml = """
        openapi: 3.1.0
        info: {title: t, version: '1'}
        paths:
          /things/{id}:
            parameters:
              - {name: id, in: path, description: Its id., example: a, required: true, schema: {type: string}}
            get:
              operationId: getThing
              summary: A thing.
              description: By its id.
              responses:
                '200': {$ref: '#/components/responses/Thing'}
                '204': {description: Nothing.}
                '405':
                  description: Not so.
                  headers: {Allow: {description: The methods., example: GET, required: true, schema: {type: string}}}
            head:
              operationId: headThing
              summary: Its fields.
              description: Without content.
              responses:
                '200': {$ref: '#/components/responses/Thing'}
          /text:
            get:
              operationId: getText
              summary: A text.
              description: To read.
              responses:
                '200':
                  description: Text.
                  content: {text/plain: {schema: {pattern: '^# '}, example: '# b'}}
        components:
          responses:
            RouteNotFound: {description: No such route.}
            Thing:
              description: A thing.
              headers:
                Age: {description: Seconds., required: true, schema: {type: integer, maximum: 100}, example: 3}
                X-Hint: {description: A hint., schema: {type: string, const: '12'}}
              content:
                application/json:
                  schema: {$ref: '#/components/schemas/Thing'}
                  examples: {one: {value: {name: a}}}
          schemas:
            Thing:
              additionalProperties: true
              required: [name]
              properties: {name: {description: Its name., type: string, examples: [b]}}
        """

    private func violations(
        _ method: String = "GET", _ path: String = "/things/{id}", _ status: Int = 200,
        _ fields: Fields = [("Content-Type", "application/json"), ("Age", "3")],
        _ body: String = #"{"name":"a"}"#
    ) throws -> [String] {
        try ContractDocument(yaml: Self.yaml).violations(
            method: method, path: path, status: status, fields: fields, body: Array(body.utf8))
    }

    @Test func answerThatKeepsTheContractHasNoViolations() throws {
        try expectEqual(violations(), [])
        try expectEqual(violations("GET", "/things/7"), [])
        let more: Fields = [
            ("Date", "d"), ("Content-Length", "12"), ("Connection", "close"), ("x-hint", "12"),
            ("content-type", "Application/JSON; charset=utf-8"), ("AGE", "0"),
        ]
        try expectEqual(violations("GET", "/things/7", 200, more), [])
        let head: Fields = [("Content-Type", "application/json"), ("Age", "3")]
        try expectEqual(violations("HEAD", "/things/7", 200, head, ""), [])
        try expectEqual(violations("GET", "/things/7", 204, [], ""), [])
        try expectEqual(violations("POST", "/things/7", 405, [("Allow", "GET")], ""), [])
        try expectEqual(violations("GET", "/nowhere", 404, [], ""), [])
        try expectEqual(
            violations("GET", "/text", 200, [("Content-Type", "text/plain")], "# a"), [])
    }

    @Test(
        arguments: [
            // Status, path and method.
            ("GET", "/things/7", 500, [], ""),
            ("GET", "/things/7/8", 200, [], ""),
            ("GET", "/nowhere", 200, [], ""),
            ("POST", "/things/7", 200, [], ""),
            ("POST", "/text", 405, [], ""),
            ("HEAD", "/things/7", 204, [], ""),
            // Fields.
            ("GET", "/things/7", 200, [("Content-Type", "application/json")], #"{"name":"a"}"#),
            (
                "GET", "/things/7", 200,
                [("Content-Type", "application/json"), ("Age", "3"), ("X-Other", "1")],
                #"{"name":"a"}"#
            ),
            (
                "GET", "/things/7", 200,
                [("Content-Type", "application/json"), ("Age", "3"), ("age", "3")],
                #"{"name":"a"}"#
            ),
            (
                "GET", "/things/7", 200, [("Content-Type", "application/json"), ("Age", "101")],
                #"{"name":"a"}"#
            ),
            (
                "GET", "/things/7", 200, [("Content-Type", "application/json"), ("Age", "-3")],
                #"{"name":"a"}"#
            ),
            ("POST", "/things/7", 405, [], ""),
            // Content.
            ("GET", "/things/7", 200, [("Age", "3")], #"{"name":"a"}"#),
            (
                "GET", "/things/7", 200, [("Content-Type", "text/html"), ("Age", "3")],
                #"{"name":"a"}"#
            ),
            ("GET", "/things/7", 200, [("Content-Type", "application/json"), ("Age", "3")], ""),
            ("GET", "/things/7", 200, [("Content-Type", "application/json"), ("Age", "3")], "{"),
            ("GET", "/things/7", 200, [("Content-Type", "application/json"), ("Age", "3")], "{}"),
            (
                "GET", "/things/7", 200, [("Content-Type", "application/json"), ("Age", "3")],
                #"{"name":1}"#
            ),
            (
                "GET", "/things/7", 200, [("Content-Type", "application/json"), ("Age", "3")],
                #"{"name":"a","other":1}"#
            ),
            (
                "HEAD", "/things/7", 200, [("Content-Type", "application/json"), ("Age", "3")],
                #"{"name":"a"}"#
            ),
            ("GET", "/things/7", 204, [], "x"),
            ("GET", "/things/7", 204, [("Content-Type", "application/json")], ""),
            ("GET", "/text", 200, [("Content-Type", "text/plain")], "a"),
        ] as [(String, String, Int, [(name: String, value: String)], String)])
    func answerThatBreaksTheContractIsCaughtOnce(
        method: String, path: String, status: Int, fields: [(name: String, value: String)],
        body: String
    ) throws {
        try expectEqual(violations(method, path, status, fields, body).count, 1)
    }

    @Test func answerWithoutARouteIsCheckedByName() throws {
        let contract = try ContractDocument(yaml: Self.yaml)
        let response = Response(status: 200, fields: [Field(name: "X-Other", value: "1")])
        expectEqual(contract.violations(ofAnswer: "RouteNotFound", Response(status: 404)), [])
        expectEqual(contract.violations(ofAnswer: "RouteNotFound", response).count, 1)
        expectEqual(contract.violations(ofAnswer: "Nobody", response).count, 1)
    }

    @Test func contentThatIsNotUTF8IsCaught() throws {
        let contract = try ContractDocument(yaml: Self.yaml)
        let faults = contract.violations(
            method: "GET", path: "/text", status: 200, fields: [("Content-Type", "text/plain")],
            body: [0x23, 0x20, 0xFF])
        expectEqual(faults.count, 1)
    }

    @Test(arguments: [
        ("openapi: 3.1.0", "openapi: 3.0.3"),
        ("info:", "information:"),
        ("paths:", "webhooks: {}\npaths:"),
        ("components:", "components:\n  links: {}"),
        ("components:", "components:\n  securitySchemes: {key: {type: apiKey}}"),
        ("operationId: getText", "operationId: getText\n      security: [{key: []}]"),
        ("    get:\n      operationId: getText", "    trace:\n      operationId: getText"),
        ("operationId: getText", "operationID: getText"),
        ("operationId: getText", "operationId: getThing"),
        ("operationId: getText", "operationId: getText\n      callbacks: {}"),
        ("'204'", "'2XX'"),
        ("{description: Nothing.}", "{description: Nothing., links: {}}"),
        ("{description: Nothing.}", "{}"),
        ("responses/Thing'", "responses/Nobody'"),
        ("schemas/Thing'", "schemas/Nobody'"),
        ("in: path", "in: cookie"),
        // It would apply to OPTIONS, too.
        ("in: path", "in: query"),
        ("additionalProperties: true", "additionalProperties: false"),
        ("{pattern: '^# '}", "{pattern: '^# ', enum: ['# b']}"),
        ("{schema: {pattern: '^# '},", "{x-strict: {patterns: '^# '},"),
        ("{schema: {pattern: '^# '}, ", "{"),
        ("example: '# b'", "example: 'b'"),
        ("required: true, schema: {type: string}}\n    get", "schema: {nullable: true}}\n    get"),
        ("maximum: 100", "multipleOf: 2"),
        ("type: integer", "format: uuid"),
        ("application/json:\n", "application/json:\n          encoding: {}\n"),
        ("value: {name: a}", "value: {name: 1}"),
        ("value: {name: a}", "externalValue: a"),
        ("examples: [b]", "examples: [1]"),
    ])
    func unsupportedDocumentIsRefused(part: String, other: String) throws {
        _ = try ContractDocument(yaml: Self.yaml)
        let range = try #require(Self.yaml.firstRange(of: part))
        let yaml = Self.yaml.replacingCharacters(in: range, with: other)
        #expect(throws: ContractFailure.self) { try ContractDocument(yaml: yaml) }
    }

    @Test(arguments: [
        // Of an operation, a parameter, a response, its content and its fields.
        "      summary: A thing.\n", "      description: By its id.\n", "By its id.",
        "description: Its id., ", "example: a, ", "description: Not so.",
        "          examples: {one: {value: {name: a}}}\n", ", example: '# b'",
        "description: The methods., ", "example: GET, ", ", const: '12'",
    ])
    func documentWithoutADescriptionOrAnExampleIsRefused(text: String) throws {
        let range = try #require(Self.yaml.firstRange(of: text))
        let yaml = Self.yaml.replacingCharacters(in: range, with: "")
        let failure = #expect(throws: ContractFailure.self) { try ContractDocument(yaml: yaml) }
        let reason = try #require(failure?.reason)
        #expect(["has no summary", "has no description", "has no example"].contains(reason))
    }

    @Test func contentMayBeDescribedForThisVersionOnly() throws {
        let yaml = Self.yaml.replacing(
            "{schema: {pattern: '^# '},", with: "{x-strict: {pattern: '^# '},")
        #expect(yaml != Self.yaml)
        let contract = try ContractDocument(yaml: yaml)
        for (text, faults) in [("# a", 0), ("a", 1)] {
            let found = contract.violations(
                method: "GET", path: "/text", status: 200,
                fields: [("Content-Type", "text/plain")], body: Array(text.utf8))
            expectEqual(found.count, faults)
        }
    }

    @Test func operationsAndStatusesAreListed() throws {
        let contract = try ContractDocument(yaml: Self.yaml)
        expectEqual(
            contract.operations, ["GET /things/{id}", "HEAD /things/{id}", "GET /text"])
        expectEqual(contract.statuses(method: "GET", path: "/things/{id}"), [200, 204, 405])
        expectEqual(contract.statuses(method: "GET", path: "/nowhere"), [])
    }

    @Test func missingFileIsNamed() {
        #expect(throws: ContractFailure.self) { try ContractDocument.load("/nowhere/at/all") }
    }
}

extension String {
    fileprivate func replacingCharacters(in range: Range<String.Index>, with other: String)
        -> String
    {
        String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
