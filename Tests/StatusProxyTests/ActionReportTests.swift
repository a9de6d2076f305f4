// The text and the exit code of `status-proxy get`.

import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct ActionReportTests {
    private func report(_ status: Int, _ body: String) -> ActionReport {
        ActionReport(ServerAnswer(status: status, body: Array(body.utf8)))
    }

    @Test(
        arguments: [
            ("SUCCEEDED", true, 0), ("FAILED", true, 1), ("PARTIALLY_SUCCEEDED", true, 2),
            ("PENDING", false, 3), ("IN_PROGRESS", false, 3), ("UNKNOWN", false, 3),
            ("UNKNOWN", true, 5),
        ] as [(String, Bool, Int32)])
    func exitCodeIsTheActionsOutcome(status: String, isDone: Bool, code: Int32) {
        let body = #"{"source":"orders","type":null,"status":"\#(status)","done":\#(isDone)}"#
        expectEqual(report(200, body), ActionReport(exitCode: code, lines: ["orders \(status)"]))
    }

    @Test func linesHaveCountsErrorsAndStaleness() {
        let body = """
            {"source":"vouchers","type":"VOUCHERS.IMPORT","status":"PARTIALLY_SUCCEEDED","done":true,
             "progress":100,"counts":{"succeeded":1,"failed":2},"checked_at":"2026-11-01T10:02:00Z",
             "errors":[{"code":"ITEM_FAILED","message":"bad\\nline\\u001b[1m","target":"row 3"},
                       {"code":"X","message":null,"target":null}],
             "stale_reason":"upstream-timeout"}
            """
        expectEqual(
            report(200, body).lines,
            [
                "vouchers VOUCHERS.IMPORT PARTIALLY_SUCCEEDED 100%", "succeeded: 1", "failed: 2",
                "error ITEM_FAILED: bad line [1m (row 3)", "error X",
                "stale since 2026-11-01T10:02:00Z: upstream-timeout",
            ])
    }

    @Test func upstreamTextCannotReverseOrBreakALine() {
        let odd = "a\u{202E}b\u{2028}c\u{2066}d\u{85}e\u{200F}f"
        let body = """
            {"source":"\(odd)","type":"\(odd)","status":"FAILED","done":true,"checked_at":"\(odd)",
             "errors":[{"code":"\(odd)","message":"\(odd)","target":"\(odd)"}],"stale_reason":"\(odd)"}
            """
        let problem = #"{"code":"\#(odd)","detail":"\#(odd)"}"#
        let plain = "a b c d e f"
        expectEqual(
            report(200, body).lines,
            [
                "\(plain) \(plain) FAILED", "error \(plain): \(plain) (\(plain))",
                "stale since \(plain): \(plain)",
            ])
        expectEqual(report(502, problem).lines, ["502 \(plain): \(plain)"])
        // As JSON it is the same text, in another notation.
        let escaped = body.escapedForTerminals
        #expect(escaped.contains(#"a\u202eb\u2028c\u2066d\u0085e\u200ff"#))
        #expect(!escaped.contains { odd.dropFirst().contains($0) && !$0.isASCII })
        expectEqual(ServerAnswer(status: 200, body: Array(escaped.utf8)).json, json(body))
    }

    private func json(_ body: String) -> JSONValue {
        ServerAnswer(status: 200, body: Array(body.utf8)).json
    }

    @Test(
        arguments: [
            (404, "action-not-found", 4), (400, "invalid-id", 5), (401, "unauthorized", 5),
            (429, "too-many-requests", 5), (502, "upstream-error", 5), (503, "overloaded", 5),
        ] as [(Int, String, Int32)])
    func problemIsPrintedInWords(status: Int, code: String, exitCode: Int32) {
        let body = #"{"code":"\#(code)","detail":"Why.","retry_after":7}"#
        let lines = ["\(status) \(code): Why.", "ask again in 7 s"]
        expectEqual(report(status, body), ActionReport(exitCode: exitCode, lines: lines))
    }

    @Test(
        arguments: [
            (200, #"{"done":false}"#, true), (200, #"{"done":true}"#, false), (200, "[]", false),
            (404, #"{"code":"action-not-found"}"#, true),
            (404, #"{"code":"route-not-found"}"#, false), (404, "<html>", false),
            (400, #"{"code":"invalid-parameter"}"#, false), (401, "{}", false), (409, "{}", false),
            (429, "{}", true), (500, "", true), (502, "<html>", true), (503, "{}", true),
            (504, "{}", true),
        ] as [(Int, String, Bool)])
    func waitContinuesIfTheAnswerMayChange(status: Int, body: String, mayChange: Bool) {
        let answer = ServerAnswer(status: status, body: Array(body.utf8))
        expectEqual(answer.mayChange, mayChange)
    }

    @Test(
        arguments: [
            (503, #"{"retry_after":7}"#, 60, 7), (404, #"{"retry_after":30}"#, 20, 20),
            (502, "", 60, 1), (503, #"{"retry_after":0}"#, 60, 1), (503, "{}", -1, 0),
            (503, #"{"retry_after":-5}"#, 60, 1), (200, #"{"done":false}"#, 60, 0),
        ] as [(Int, String, Int64, Int64)])
    func pauseEndsWhenAskingIsOfUseOrTimeIsUp(
        status: Int, body: String, left: Int64, seconds: Int64
    ) {
        let answer = ServerAnswer(status: status, body: Array(body.utf8))
        let now = Instant(nanoseconds: 1_000_000_000_000)
        expectEqual(answer.pause(before: now + .seconds(left), now: now), .seconds(seconds))
    }

    @Test(arguments: [(200, "[]"), (200, ""), (200, "{}"), (500, "<html>")])
    func unexpectedAnswerIsAnError(status: Int, body: String) {
        expectEqual(
            report(status, body), ActionReport(exitCode: 5, lines: ["\(status) no problem code"]))
    }
}
