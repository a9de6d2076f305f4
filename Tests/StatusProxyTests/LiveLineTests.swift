// The line that a terminal shows of one action while `get` waits.

import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct LiveLineTests {
    private static let since = SystemClock.now()

    private func line(
        _ status: Int, _ body: String, columns: Int = 100, colors: Bool = false
    ) -> String {
        var line = LiveLine(id: "aa_1", since: Self.since)
        line.take(ServerAnswer(status: status, body: Array(body.utf8)))
        return line.text(columns: columns, colors: colors, now: Self.since + .seconds(7))
    }

    @Test func lineHasBarStatusAndTime() {
        let text = line(200, #"{"status":"IN_PROGRESS","done":false,"progress":50}"#)
        expectEqual(text, "aa_1  [##########..........]  50%  IN_PROGRESS  7 s")
        let odd = line(200, #"{"status":"IN_PROGRESS","done":false,"progress":900}"#)
        #expect(odd.contains("] 100%"))
        let unreported = line(200, #"{"status":"PENDING","done":false,"progress":null}"#)
        #expect(!unreported.contains("[") && unreported.hasSuffix("PENDING  7 s"))
    }

    @Test func failureIsNamed() {
        #expect(line(502, #"{"code":"upstream-error"}"#).contains("  502 upstream-error  "))
        let stale = #"{"status":"PENDING","done":false,"stale":true,"stale_reason":"breaker-open"}"#
        #expect(line(200, stale).contains("  PENDING (breaker-open)  "))
    }

    @Test(arguments: [
        ("SUCCEEDED", "32"), ("PARTIALLY_SUCCEEDED", "33"), ("FAILED", "31"), ("UNKNOWN", nil),
    ])
    func endHasAColor(status: String, color: String?) {
        let text = line(200, #"{"status":"\#(status)","done":true}"#, colors: true)
        expectEqual(text.contains("\u{1B}[\(color ?? "")m\(status)\u{1B}[0m"), color != nil)
    }

    /// A line that wraps could not be overwritten, and a control character would move the cursor.
    @Test func lineNeitherWrapsNorMovesTheCursor() {
        let body = #"{"status":"\u001b[2JPENDING","done":false,"progress":5}"#
        expectEqual(line(200, body, columns: 20, colors: true).count, 19)
        #expect(!line(200, body).contains("\u{1B}"))
    }

    @Test(
        arguments: [
            ([0], 0), ([0, 3], 3), ([3, 2], 2), ([2, 1, 0], 1), ([1, 4, 3], 4), ([4, 5, 0], 5),
            ([], 0),
        ] as [([Int32], Int32)])
    func theWorstOfSeveralExitCodesCounts(codes: [Int32], worst: Int32) {
        expectEqual(ActionReport.worst(codes), worst)
    }
}
