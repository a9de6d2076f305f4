// Generated clients of the contract work with this service and with later versions of it.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct GeneratedClientOrdealTests {
    @Test(arguments: GeneratedClient.allCases)
    func generatedClientWorksWithTheService(client: GeneratedClient) async throws {
        let world = try await World()
        let done = "aa_000000000000000200"
        let throttled = "aa_000000000000000429"
        let lines = try await client.ask(
            port: world.port,
            [
                "get:\(done)", "known:\(done)", "get:\(DemoID.missingOrder)",
                "wait:\(DemoID.pendingOrder)", "batch:\(done),\(DemoID.pendingOrder),..",
                "get:\(throttled)", "explain:\(done)", "sources:all",
            ])
        let expected = [
            "200 vouchers SUCCEEDED done", "304", "404 action-not-found",
            "200 orders PENDING running",
            "200 running: vouchers SUCCEEDED done, orders PENDING running, invalid-id",
            "503 upstream-unavailable",
            "200 answered-before: orders nobody-asks, vouchers finished",
            "200 orders ok, vouchers paused",
        ]
        expectEqual(lines.count, expected.count, "\(lines)")
        for (line, expected) in zip(lines, expected) {
            // A problem's code is followed by when to ask again.
            expectEqual(Self.withoutSeconds(line), expected)
        }
    }

    private static func withoutSeconds(_ line: String) -> String {
        let words = line.split(separator: " ")
        guard words.count == 3, Int(words[2]) ?? 0 >= 1 else { return line }
        return words.dropLast().joined(separator: " ")
    }

    // MARK: Later versions

    /// New members in every object, and new words in every set.
    private static let action = #"""
        {"id":"a-1","source":"parcels","type":"T","status":"PAUSED","done":false,"progress":3,
         "counts":{"succeeded":3000000000,"failed":null,"skipped":7},
         "errors":[{"code":"C","message":null,"class":"customs","target":null,"row":3}],
         "result":{"n":1},"created_at":null,"updated_at":null,"processing_time_ms":3000000000,
         "request_id":null,"upstream":{"status":"HELD","operation_status":null,"reason":"x"},
         "checked_at":"2026-11-01T10:02:00.010Z","next_check_at":"2026-11-01T10:03:00.010Z",
         "stale":true,"stale_reason":"upstream-asleep","owner":{"name":"n"},"labels":["l"]}
        """#

    private static let problem = #"""
        {"type":"https://example.org/asleep/2","title":"Asleep","status":503,"detail":"It sleeps.",
         "code":"upstream-asleep","retry_after":7,"hint":{"a":1},
         "sources":[{"source":"parcels","outcome":"Asleep2","http_status":null,"code":null,
                     "message":null,"region":"moon"},
                    {"source":"a","outcome":"b","http_status":1,"code":null,"message":null},
                    {"source":"c","outcome":"d","http_status":1,"code":null,"message":null}]}
        """#

    private static let batch = """
        {"done":false,"next":"x","actions":[\(action)],
         "failures":[{"id":"a-2","problem":\(problem),"retriable":true}]}
        """

    @Test(arguments: GeneratedClient.allCases)
    func generatedClientAcceptsAdditionsOfLaterVersions(client: GeneratedClient) async throws {
        for (json, status, question, line) in [
            (Self.action, 200, "get:a-1", "200 parcels PAUSED running customs"),
            (
                Self.batch, 200, "batch:a-1,a-2",
                "200 running: parcels PAUSED running, upstream-asleep"
            ),
            (Self.problem, 503, "get:a-1", "503 upstream-asleep 7"),
        ] {
            let later = try await Nginx(answering: json, status: status)
            try await expectEqual(client.ask(port: later.port, [question]), [line])
        }
    }
}
