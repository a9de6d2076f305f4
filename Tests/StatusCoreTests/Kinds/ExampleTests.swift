// Checks the descriptions in `examples/` with bodies of the shapes that the vendors document.

import Foundation
import TestSupport
import Testing

@testable import StatusCore

struct ExampleTests {
    private func read(
        _ example: String, _ id: String, status: Int = 200, _ body: String
    ) throws -> CallOutcome {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../examples/\(example).json")
        let description = try APIDescription(Array(Data(contentsOf: root)))
        let reply = UpstreamReply(status: status, fields: [], body: Array(body.utf8))
        let key = EntryKey(.named("example"), try #require(ActionID(id)))
        return Normalizer.outcome(
            of: reply, about: key, by: description, now: NormalizeFixtures.now
        ).outcome
    }

    private func state(_ example: String, _ id: String, _ body: String) throws -> JSONValue {
        guard case .answered(let document) = try read(example, id, body) else {
            throw NormalizeFixtures.NoFault()
        }
        return try JSONReader.read(document.bytes)
    }

    private func isNotFound(_ example: String, _ id: String, _ body: String) throws -> Bool {
        if case .notFound = try read(example, id, status: 404, body) { true } else { false }
    }

    @Test(arguments: [
        ("validating", "PENDING"), ("in_progress", "IN_PROGRESS"), ("finalizing", "IN_PROGRESS"),
        ("cancelling", "IN_PROGRESS"), ("completed", "SUCCEEDED"), ("expired", "FAILED"),
        ("cancelled", "FAILED"),
    ])
    func batchIsRead(word: String, status: String) throws {
        let state = try state(
            "openai-batches", "batch_abc",
            #"{"id":"batch_abc","object":"batch","endpoint":"/v1/embeddings","errors":null,"#
                + #""status":"\#(word)","created_at":1711471533,"#
                + #""request_counts":{"total":100,"completed":95,"failed":5}}"#)
        expectEqual(state["status"], .string(status))
        expectEqual(state["counts"]?["failed"], .number("5"))
        expectEqual(state["type"], .string("/v1/embeddings"))
    }

    @Test func errorsOfABatchAreListed() throws {
        let state = try state(
            "openai-batches", "batch_abc",
            #"{"id":"batch_abc","status":"failed","errors":{"object":"list","data":["#
                + #"{"code":"invalid_url","message":"no such endpoint","param":null,"line":3}]}}"#)
        expectEqual(state["errors"]?.array?.first?["target"], .string("3"))
        expectEqual(state["errors"]?.array?.first?["code"], .string("invalid_url"))
        let error = #"{"error":{"message":"No batch found","type":"invalid_request_error"}}"#
        #expect(try isNotFound("openai-batches", "batch_abc", error))
        #expect(try !isNotFound("openai-batches", "batch_abc", #"{"message":"no route"}"#))
    }

    @Test(arguments: [
        (#""status":"pending","error":null,"result":null"#, "PENDING", 0),
        (
            #""status":"succeeded","error":null,"result":{"id":"file_1","size":53075}"#,
            "SUCCEEDED", 0
        ),
        (#""status":"failed","error":"out of range","result":null"#, "FAILED", 1),
    ])
    func reportRunIsRead(members: String, status: String, errors: Int) throws {
        let state = try state(
            "stripe-report-runs", "frr_1",
            #"{"id":"frr_1","object":"reporting.report_run","created":1680203749,"#
                + #""report_type":"balance.summary.1",\#(members)}"#)
        expectEqual(state["status"], .string(status))
        expectEqual(state["errors"]?.array?.count, errors)
        expectEqual(state["result"] != nil, status == "SUCCEEDED")
        let error = #"{"error":{"code":"resource_missing","message":"No such report run"}}"#
        #expect(try isNotFound("stripe-report-runs", "frr_1", error))
    }

    @Test(arguments: [
        ("Open", "PENDING"), ("UploadComplete", "PENDING"), ("InProgress", "IN_PROGRESS"),
        ("JobComplete", "SUCCEEDED"), ("Failed", "FAILED"), ("Aborted", "FAILED"),
        ("Paused", "UNKNOWN"),
    ])
    func ingestJobIsRead(word: String, status: String) throws {
        let state = try state(
            "salesforce-bulk-ingest", "7505fEXAMPLE4C2AAM",
            #"{"id":"7505fEXAMPLE4C2AAM","operation":"insert","object":"Account","#
                + #""createdDate":"2022-01-02T21:33:43.000+0000","state":"\#(word)","#
                + #""numberRecordsProcessed":2,"numberRecordsFailed":1}"#)
        expectEqual(state["status"], .string(status))
        expectEqual(state["counts"]?["failed"], .number("1"))
        expectEqual(state["created_at"], .string("2022-01-02T21:33:43.000+0000"))
        let error = #"[{"errorCode":"NOT_FOUND","message":"The resource does not exist"}]"#
        #expect(try isNotFound("salesforce-bulk-ingest", "7505fEXAMPLE4C2AAM", error))
    }
}
