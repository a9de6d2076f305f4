// A caller's trace, continued through the service: in the log, and to the upstream.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct TraceTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let field = "traceparent: 00-\(trace)-00f067aa0ba902b7-01"

    @Test func traceIsContinuedUpstream() async throws {
        // An upstream that returns what it was sent in its result.
        let upstream = try await Nginx(
            answering: #"{"id":"aa_1","status":"DONE","result":{"trace":"$http_traceparent"}}"#)
        let world = try await World(["VOUCHERS_URL": "http://127.0.0.1:\(upstream.port)"])
        let reply = try world.get("/actions/aa_1", fields: [Self.field])
        let reported = try #require(reply.json["result"]?["trace"]?.string)
        let parts = reported.split(separator: "-").map(String.init)
        expectEqual(parts.count, 4)
        expectEqual(parts[1], Self.trace)
        #expect(parts[2].count == 16 && parts[2] != "00f067aa0ba902b7")
        expectEqual(parts[3], "01")
    }

    @Test func requestWithoutATraceStartsNone() async throws {
        let upstream = try await Nginx(
            answering: #"{"id":"aa_1","status":"DONE","result":{"trace":"$http_traceparent"}}"#)
        let world = try await World(["VOUCHERS_URL": "http://127.0.0.1:\(upstream.port)"])
        for fields in [["traceparent: 00-x"], []] {
            try expectEqual(
                world.get("/actions/aa_1", fields: fields).json["result"]?["trace"]?.string,
                "")
        }
    }

    @Test func traceIsInTheLogOfMissesAndHits() async throws {
        let world = try await World()
        for _ in 0..<3 {
            _ = try world.get("/actions/\(DemoID.pendingVoucher)", fields: [Self.field])
        }
        world.proxy.signal(SIGTERM)
        _ = try await world.proxy.exitCode()
        let lines = world.proxy.text.split(separator: "\n")
            .compactMap { try? JSONReader.read(Array($0.utf8)) }
            .filter { $0["message"]?.string == "request" }
        expectEqual(lines.map { $0["cache"]?.string }, ["miss", "hit", "hit"])
        expectEqual(lines.map { $0["trace_id"]?.string }, [Self.trace, Self.trace, Self.trace])
    }
}
