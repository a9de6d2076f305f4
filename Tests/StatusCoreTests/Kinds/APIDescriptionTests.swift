import TestSupport
import Testing

@testable import StatusCore

struct APIDescriptionTests {
    private static let whole = #"""
        {"path": "/v1/jobs/{id}", "id": "/job/id", "status": "/job/state",
         "statuses": {"queued": "PENDING", "running": "IN_PROGRESS", "completed": "SUCCEEDED",
                      "partly": "PARTIALLY_SUCCEEDED", "failed": "FAILED", "odd": "UNKNOWN",
                      "3": "SUCCEEDED", "true": "SUCCEEDED"},
         "type": "/job/type", "progress": "/job/percent", "created_at": "/job/created",
         "updated_at": "/job/updated", "result": "/job/output",
         "counts": {"succeeded": "/job/good", "failed": "/job/bad"},
         "errors": {"items": "/job/errors", "code": "/code", "message": "/detail",
                    "target": "/row", "classes": {"E_INPUT": "input"}},
         "not_found": ["/error/code"]}
        """#
    private static let least = least(notFound: #"["/code"]"#)

    private static func least(notFound places: String) -> String {
        #"{"path":"/{id}","status":"/state","statuses":{"done":"SUCCEEDED"},"#
            + #""not_found":\#(places)}"#
    }

    private func outcome(
        _ body: String, status: Int = 200, by description: String = whole
    ) throws -> CallOutcome {
        let id = try #require(ActionID("job-1"))
        let reply = UpstreamReply(status: status, fields: [], body: Array(body.utf8))
        let reader = try APIDescription(Array(description.utf8))
        return Normalizer.outcome(
            of: reply, about: EntryKey(.named("exports"), id), by: reader,
            now: NormalizeFixtures.now
        ).outcome
    }

    private func document(_ body: String, by description: String = whole) throws -> JSONValue {
        guard case .answered(let document) = try outcome(body, by: description) else {
            throw NormalizeFixtures.NoFault()
        }
        return try JSONReader.read(document.bytes)
    }

    // MARK: Reading bodies

    @Test func everyPartIsReadFromItsPlace() throws {
        let document = try document(
            #"""
            {"job": {"id": "job-1", "state": "partly", "type": "export", "percent": 42.9,
                     "created": "2026-11-01T10:00:00Z", "updated": "2026-11-01T10:00:05.1Z",
                     "output": {"n": 9007199254740993, "p": 1.10}, "good": 2.0, "bad": 1,
                     "errors": [{"code": "E_INPUT", "detail": "no column", "row": 7}, {"code": 5},
                                "stopped", null, {}]}}
            """#)
        let expected = try NormalizeFixtures.json(
            #"""
            {"id": "job-1", "source": "exports", "type": "export", "status": "PARTIALLY_SUCCEEDED",
             "done": true, "progress": 42, "counts": {"succeeded": 2, "failed": 1},
             "errors": [
               {"code": "E_INPUT", "message": "no column", "class": "input", "target": "7"},
               {"code": "5", "message": null, "class": "other", "target": null},
               {"code": "OTHER", "message": null, "class": "other", "target": null}],
             "result": {"n": 9007199254740993, "p": 1.10},
             "created_at": "2026-11-01T10:00:00Z", "updated_at": "2026-11-01T10:00:05.1Z",
             "processing_time_ms": null, "request_id": null,
             "upstream": {"status": "partly", "operation_status": null}}
            """#)
        expectEqual(document, expected)
    }

    @Test(arguments: [
        (#""queued""#, "PENDING", false), (#""running""#, "IN_PROGRESS", false),
        (#""completed""#, "SUCCEEDED", true), (#""failed""#, "FAILED", true),
        ("3", "SUCCEEDED", true), ("true", "SUCCEEDED", true), ("3.0", "UNKNOWN", false),
        ("false", "UNKNOWN", false), (#""odd""#, "UNKNOWN", false),
        (#""Completed""#, "UNKNOWN", false), ("null", "UNKNOWN", false), ("[]", "UNKNOWN", false),
        (#"{"a":1}"#, "UNKNOWN", false),
    ])
    func stateIsComparedAsItsText(state: String, status: String, isDone: Bool) throws {
        let document = try document(#"{"job":{"state":\#(state)}}"#)
        expectEqual(document["status"], .string(status))
        expectEqual(document["done"], .bool(isDone))
    }

    @Test(arguments: [
        "{}", #"{"job":7}"#, #"{"job":{"percent":"7","good":-1,"errors":"","created":5}}"#,
    ])
    func unreportedPartsAreNull(body: String) throws {
        let document = try document(body)
        expectEqual(document["status"], .string("UNKNOWN"))
        for name in ["type", "progress", "counts", "result", "created_at", "updated_at"] {
            #expect(document[name] == nil, "\(name)")
        }
    }

    @Test func leastDescriptionReadsTheState() throws {
        let document = try document(#"{"state":"done"}"#, by: Self.least)
        expectEqual(document["status"], .string("SUCCEEDED"))
        expectEqual(document["errors"], .array([]))
    }

    @Test(arguments: [
        (#"{"job":{"id":"job-2","state":"queued"}}"#, UpstreamFault.Kind.wrongAction),
        (#"{"job":{"id":7,"state":"queued"}}"#, .wrongAction),
        ("[]", .malformed), ("7", .malformed), ("<p>", .notJSON),
    ])
    func bodyOfAnotherActionIsAFault(body: String, kind: UpstreamFault.Kind) throws {
        guard case .failed(let fault) = try outcome(body) else {
            throw NormalizeFixtures.NoFault()
        }
        expectEqual(fault.kind, kind)
    }

    // MARK: 404

    @Test(arguments: [
        (#"["/error/code"]"#, "[]", false), (#"["/error/code"]"#, "", false),
        (#"["/error/code"]"#, "<p>Not found</p>", false),
        (#"["/error/code"]"#, #"{"error":{"code":"not_found"}}"#, true),
        (#"["/error/code"]"#, #"{"error":{"code":404}}"#, false),
        (#"["/error/code"]"#, #"{"message":"no Route matched"}"#, false),
        (#"["/a","/b"]"#, #"{"a":"x"}"#, false), (#"["/0/code"]"#, #"[{"code":"GONE"}]"#, true),
    ])
    func real404IsTheAPIsOwn(places: String, body: String, isReal: Bool) throws {
        let outcome = try outcome(body, status: 404, by: Self.least(notFound: places))
        if case .notFound = outcome { #expect(isReal) } else { #expect(!isReal) }
    }

    // MARK: Mistakes

    @Test(arguments: [
        ("", "", "not a JSON object"), ("[]", "", "not a JSON object"),
        ("{}", "path", "must be given"),
        (#"{"path":7}"#, "path", "not a text"),
        (#"{"path":"/jobs"}"#, "path", "with {id} once"),
        (#"{"path":"jobs/{id}"}"#, "path", "with {id} once"),
        (#"{"path":"/{id}/{id}"}"#, "path", "with {id} once"),
        (#"{"path":"/{job}/{id}"}"#, "path", "with {id} once"),
        (#"{"path":"/a b/{id}"}"#, "path", "with {id} once"),
        (#"{"path":"/{id}"}"#, "status", "must be given"),
        (#"{"path":"/{id}","status":"state"}"#, "status", "JSON Pointer like"),
        (#"{"path":"/{id}","status":"/s"}"#, "statuses", "must be given"),
        (#"{"path":"/{id}","status":"/s","statuses":{}}"#, "statuses", "must be given"),
        (#"{"path":"/{id}","status":"/s","statuses":[]}"#, "statuses", "not a JSON object"),
        (
            #"{"path":"/{id}","status":"/s","statuses":{"a":"FAILED"}}"#, "not_found",
            "must be given"
        ),
        (
            #"{"path":"/{id}","status":"/s","statuses":{"a":"FAILED"},"not_found":[]}"#,
            "not_found", "must be given"
        ),
        (
            #"{"path":"/{id}","status":"/s","statuses":{"a":"FAILED"},"not_found":"/a"}"#,
            "not_found", "list"
        ),
        (
            #"{"path":"/{id}","status":"/s","statuses":{"a":"DONE"}}"#, "statuses.a",
            "one of: PENDING, IN_PROGRESS, SUCCEEDED"
        ),
    ])
    func mistakeNamesItsMember(text: String, member: String, words: String) {
        expectFailure(text, member, words)
    }

    @Test(arguments: [
        (#""id":7"#, "id", "JSON Pointer like"), (#""progress":"percent""#, "progress", "like"),
        (#""counts":{"good":"/a"}"#, "counts.good", "no such member"),
        (#""counts":{"failed":"a"}"#, "counts.failed", "like"),
        (#""errors":{}"#, "errors.items", "must be given"), (#""errors":[]"#, "errors", "object"),
        (#""errors":{"items":"/e","classes":{"A":"bad"}}"#, "errors.classes.A", "one of: input"),
        (#""error":{}"#, "error", "no such member"),
        (#""required":[7]"#, "required", "JSON Pointer like"),
    ])
    func mistakeInAnOptionalMemberNamesIt(member: String, name: String, words: String) {
        expectFailure(String(Self.least.dropLast()) + ",\(member)}", name, words)
    }

    private func expectFailure(_ text: String, _ member: String, _ words: String) {
        do throws(DescriptionFailure) {
            _ = try APIDescription(Array(text.utf8))
            Issue.record("taken")
        } catch {
            expectEqual(error.member, member)
            #expect(error.problem.contains(words), "\(error)")
        }
    }
}
