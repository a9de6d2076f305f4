// The descriptions in `examples/` under the running service: an upstream that answers one path, with
// one credential, in the shape that the vendor documents.

import HTTPWire
import SocketServer
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct ExampleSourceTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var id: String
        var path: String
        var body: String
        var notFound: String
    }

    static let examples = [
        Example(
            testDescription: "openai-batches", id: "batch_abc", path: "/v1/batches/",
            body: #"{"id":"batch_abc","object":"batch","status":"completed"}"#,
            notFound: #"{"error":{"message":"No batch found","type":"invalid_request_error"}}"#),
        Example(
            testDescription: "stripe-report-runs", id: "frr_1", path: "/v1/reporting/report_runs/",
            body: #"{"id":"frr_1","object":"reporting.report_run","status":"succeeded"}"#,
            notFound: #"{"error":{"code":"resource_missing","message":"No such report run"}}"#),
        Example(
            testDescription: "salesforce-bulk-ingest", id: "7505fEXAMPLE4C2AAM",
            path: "/services/data/v60.0/jobs/ingest/",
            body: #"{"id":"7505fEXAMPLE4C2AAM","operation":"insert","state":"JobComplete"}"#,
            notFound: #"[{"errorCode":"NOT_FOUND","message":"The resource does not exist"}]"#),
    ]

    @Test(arguments: examples)
    func sourceNeedsOnlyADescriptionAndAToken(example: Example) async throws {
        let upstream = try Server(ServerConfiguration(loops: 1), handler: Vendor(example: example))
        upstream.start()
        defer { upstream.stop {} }
        let file = Project.path("examples/\(example.testDescription).json")
        let world = try await World(sources: { _ in
            [
                "SOURCES": "orders,vouchers,exports", "EXPORTS_KIND": "json",
                "EXPORTS_URL": "http://127.0.0.1:\(upstream.address.port)",
                "EXPORTS_TOKEN": "vendor-token", "EXPORTS_DESCRIPTION_FILE": file,
            ]
        })
        let found = try world.get("/actions/\(example.id)?source=exports")
        expectEqual(found.json["status"]?.string, "SUCCEEDED", "\(found.text)")
        expectEqual(found.json["source"]?.string, "exports")
        let missing = try world.get("/actions/\(example.id)0?source=exports")
        expectEqual(missing.status, 404, "\(missing.text)")
    }
}

/// Knows one job, and returns it to every client with the token.
private struct Vendor: RequestHandler {
    let example: ExampleSourceTests.Example

    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling {
        func text(_ range: Range<Int>?) -> String {
            String(decoding: (range ?? 0..<0).map { bytes[$0] }, as: UTF8.self)
        }
        let (status, body): (Int, String)
        if text(head.firstValue(of: "authorization", in: bytes)) != "Bearer vendor-token" {
            (status, body) = (401, "{}")
        } else if text(head.path) == example.path + example.id {
            (status, body) = (200, example.body)
        } else {
            (status, body) = (404, example.notFound)
        }
        let type = Field(name: "Content-Type", value: "application/json")
        writer.write(Response(status: status, fields: [type], body: Array(body.utf8)))
        return .answered
    }

    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool { false }

    func abandoned(_ exchange: Exchange) {}
}
