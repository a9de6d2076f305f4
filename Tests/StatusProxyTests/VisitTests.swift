// A request's id, and what its visit leaves in the log and the metrics.

import HTTPWire
import StatusAPI
import StatusCore
import Testing

@testable import StatusProxy

struct VisitTests {
    private func visit(_ requestID: String?) -> Visit {
        Visit(APIRequest(path: "/livez", requestID: requestID))
    }

    @Test(arguments: [
        "a", "req-42", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~\"\\", String(repeating: "x", count: 128),
    ])
    func usableRequestIDIsEchoed(text: String) {
        #expect(visit(text).requestID == text)
    }

    @Test(arguments: [
        nil, "", " ", "a b", "tab\t", "line\r\nX: y", "nul\u{0}", "del\u{7F}", "é",
        String(repeating: "x", count: 129),
    ])
    func otherRequestIDIsReplacedByANewOne(text: String?) {
        let id = visit(text).requestID
        #expect(id.utf8.count == 16)
        #expect(id.utf8.allSatisfy { Array("0123456789abcdef".utf8).contains($0) })
        #expect(id != visit(text).requestID)
    }

    @Test func closedVisitLeavesOneLineAndOneCount() throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let metrics = Metrics()
        let journal = RequestJournal(log: log, metrics: metrics)
        var visit = visit("req-42")
        visit.route = "/actions/{id}"
        visit.cacheResult = "stale"
        visit.source = .vouchers
        let response = journal.close(visit, Response(status: 200))
        #expect(response.fields == [Field(name: "X-Request-Id", value: "req-42")])
        log.flush(patience: .seconds(30))
        let lines = try #require(pipe.lines())
        let line = try json(#require(lines.first))
        #expect(lines.count == 1)
        #expect(
            line.names == [
                "time", "level", "message", "request_id", "method", "route", "status", "duration",
                "cache", "source",
            ])
        #expect(line["message"]?.string == "request")
        #expect(line["request_id"]?.string == "req-42")
        #expect(line["method"]?.string == "GET")
        #expect(line["route"]?.string == "/actions/{id}")
        #expect(line["status"]?.integer == 200)
        #expect(line["cache"]?.string == "stale")
        #expect(line["source"]?.string == "vouchers")
        let text = try MetricsReader(
            String(
                decoding: journal.metricsText(
                    stored: 1, waiting: 0, streams: 0, storeIsUp: true, hits: HitCounts(),
                    configured: [.vouchers]),
                as: UTF8.self))
        #expect(text.value("requests_total", ["route": "/actions/{id}", "code": "200"]) == 1)
        #expect(text.value("cache_results_total", ["result": "stale"]) == 1)
        #expect(text.value("connections") == 0)
    }

    @Test func requestWhoseCallerWentAwayLeavesOneLineAndOneCount() throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let journal = RequestJournal(log: log, metrics: Metrics())
        journal.abandoned(visit("req-42"))
        log.flush(patience: .seconds(30))
        let lines = try #require(pipe.lines())
        #expect(lines.count == 1)
        let line = try json(#require(lines.first))
        #expect(line["request_id"]?.string == "req-42")
        #expect(line["status"]?.integer == 499)
        let bytes = journal.metricsText(
            stored: 0, waiting: 0, streams: 0, storeIsUp: true, hits: HitCounts(), configured: [])
        let text = try MetricsReader(String(decoding: bytes, as: UTF8.self))
        #expect(text.value("requests_total", ["route": "other", "code": "499"]) == 1)
    }

    @Test func refusedRequestIsCountedWithoutAVisit() throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let journal = RequestJournal(log: log, metrics: Metrics())
        journal.refused(status: 431, reason: "too many fields")
        journal.watchConnections { 7 }
        log.flush(patience: .seconds(30))
        let line = try json(#require(pipe.lines()?.first))
        #expect(line["status"]?.integer == 431)
        #expect(line["reason"]?.string == "too many fields")
        let bytes = journal.metricsText(
            stored: 0, waiting: 0, streams: 0, storeIsUp: true, hits: HitCounts(), configured: [])
        let text = try MetricsReader(String(decoding: bytes, as: UTF8.self))
        #expect(text.value("requests_total", ["route": "refused", "code": "431"]) == 1)
        #expect(text.value("connections") == 7)
    }
}
