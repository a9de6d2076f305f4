// A request's line in the log, its metrics and its id.

import HTTPWire
import SocketServer
import StatusAPI
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct RequestJournalTests {
    private func context(
        _ fields: String = "", _ route: Route = .page, number: UInt64 = 1
    ) throws -> RequestContext {
        let bytes = Array("GET / HTTP/1.0\r\n\(fields)\r\n".utf8)
        var head = RequestHead()
        let outcome = RequestParser().parse(bytes.span, into: &head)
        expectEqual(outcome, .request(consumed: bytes.count))
        var context = RequestContext(head, bytes.span, route, number: number)
        context.keep(bytes.span)
        return context
    }

    private func text(_ journal: RequestJournal, stored: Int = 0) throws -> MetricsReader {
        let bytes = journal.metricsText(
            EngineFigures(stored: stored), streams: 0, storeIsUp: true, callers: [])
        return try MetricsReader(String(decoding: bytes, as: UTF8.self))
    }

    @Test func requestWithoutAnIDGetsANewOne() throws {
        let first = try context("X-Request-Id: a b\r\n", number: 1).requestID.text()
        let second = try context(number: 2).requestID.text()
        for id in [first, second] {
            expectEqual(id.utf8.count, 16)
            #expect(id.utf8.allSatisfy { Array("0123456789abcdef".utf8).contains($0) })
        }
        #expect(first != second)
    }

    @Test func closedRequestHasOneLineAndOneCount() throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let metrics = Metrics()
        let journal = RequestJournal(log: log, metrics: metrics)
        var context = try context("X-Request-Id: req-42\r\n", .action)
        context.cacheResult = .stale
        context.source = .vouchers
        context.action = .kept(try #require(ActionID("aa_1~x")))
        let response = journal.close(context, Response(status: 200))
        expectEqual(response.fields, [Field(name: "X-Request-Id", value: "req-42")])
        log.flush(patience: .seconds(30))
        let lines = try #require(pipe.lines())
        let line = try json(#require(lines.first))
        expectEqual(lines.count, 1)
        expectEqual(
            line.names,
            [
                "time", "level", "message", "request_id", "method", "route", "status",
                "duration_ms", "action_id", "cache", "source",
            ])
        expectEqual(line["message"]?.string, "request")
        expectEqual(line["request_id"]?.string, "req-42")
        expectEqual(line["method"]?.string, "GET")
        expectEqual(line["route"]?.string, "/actions/{id}")
        expectEqual(line["status"]?.integer, 200)
        expectEqual(line["cache"]?.string, "stale")
        expectEqual(line["action_id"]?.string, "aa_1~x")
        expectEqual(line["source"]?.string, "vouchers")
        let text = try text(journal)
        expectEqual(text.value("requests_total", ["route": "/actions/{id}", "code": "200"]), 1)
        expectEqual(text.value("cache_results_total", ["result": "stale"]), 1)
        expectEqual(text.value("connections"), 0)
    }

    @Test(arguments: [LogFormat.json, .text])
    func lineHasThePeerAndTheNumberOfRequests(format: LogFormat) throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: format, descriptor: pipe.writer)
        let journal = RequestJournal(log: log, metrics: Metrics(), logging: .sampled)
        var context = try context("X-Request-Id: req-42\r\n", .unknown)
        context.cacheResult = .hit
        context.peer = "2001:db8:1111:2222:3333:4444:5555:6666%interface-of-15"
        let hits = 1000
        for _ in 0..<hits { journal.close(context, status: 200) }
        // A fault always has its line.
        for _ in 0..<hits { journal.close(context, status: 404) }
        try expectEqual(
            text(journal).value("requests_total", ["route": "other", "code": "200"]), 1000)
        log.flush(patience: .seconds(30))
        let lines = try #require(pipe.lines())
        #expect(lines.allSatisfy { $0.contains("%interface-of-15") })
        let status = format == .json ? #""status":404"# : "status=404"
        expectEqual(lines.count { $0.contains(status) }, hits)
        let sampled = lines.filter { !$0.contains(status) }
        #expect((1..<hits).contains(sampled.count))
        let mark = format == .json ? #""requests":"# : " requests="
        let counts = sampled.map { line in
            line.firstRange(of: mark).map { range in
                Int(line[range.upperBound...].prefix { $0.isNumber }) ?? 0
            } ?? 1
        }
        #expect(counts.first == 1 && counts.reduce(0, +) <= hits)
    }

    /// Load balancers and scrapers send a request every few seconds.
    @Test(arguments: [Route.live, .ready, .metrics, .options])
    func checkThatSucceedsHasALineAtDebugOnly(route: Route) throws {
        for (level, statuses) in [(LogLevel.info, [503]), (.debug, [200, 503])] {
            let pipe = Pipe()
            pipe.startReading()
            let log = LogWriter(level: level, format: .json, descriptor: pipe.writer)
            let journal = RequestJournal(log: log, metrics: Metrics())
            for status in [200, 503] { journal.close(try context("", route), status: status) }
            log.flush(patience: .seconds(30))
            let lines = try #require(pipe.lines()).map { try json($0) }
            expectEqual(lines.map { $0["status"]?.integer }, statuses.map { Int64($0) })
            expectEqual(lines.last?["level"]?.string, "info")
        }
    }

    @Test func abandonedRequestHasOneLineAndOneCount() throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let journal = RequestJournal(log: log, metrics: Metrics())
        journal.abandoned(try context("X-Request-Id: req-42\r\n", .unknown))
        log.flush(patience: .seconds(30))
        let lines = try #require(pipe.lines())
        expectEqual(lines.count, 1)
        let line = try json(#require(lines.first))
        expectEqual(line["request_id"]?.string, "req-42")
        expectEqual(line["status"]?.integer, 499)
        let text = try text(journal)
        expectEqual(text.value("requests_total", ["route": "other", "code": "499"]), 1)
    }

    @Test func refusedRequestIsCountedWithoutAContext() throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let journal = RequestJournal(log: log, metrics: Metrics())
        journal.refused(status: 431, reason: "too many fields", peer: nil)
        journal.watchConnections { ServerFigures(connections: 7) }
        log.flush(patience: .seconds(30))
        let line = try json(#require(pipe.lines()?.first))
        expectEqual(line["status"]?.integer, 431)
        expectEqual(line["reason"]?.string, "too many fields")
        let text = try text(journal)
        expectEqual(text.value("requests_total", ["route": "refused", "code": "431"]), 1)
        expectEqual(text.value("connections"), 7)
    }

    /// The same line, for each format and each text from a caller.
    @Test(
        arguments: [
            (LogFormat.json, "plain-1", #""request_id":"plain-1","method":"GET""#),
            (.json, #"a"b\c=d"#, #""request_id":"a\"b\\c=d","method":"GET""#),
            (.text, "plain-1", " request request_id=plain-1 method=GET route=/ status=200 "),
            (.text, "a=b", #" request_id="a=b" method=GET"#),
            (.text, #"a"b"#, #" request_id="a\"b" method=GET"#),
        ])
    func requestIDCannotForgeAMember(format: LogFormat, id: String, part: String) throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: format, descriptor: pipe.writer)
        let journal = RequestJournal(log: log, metrics: Metrics())
        let context = try context("X-Request-Id: \(id)\r\n")
        journal.close(context, status: 200)
        log.flush(patience: .seconds(30))
        #expect(try #require(pipe.lines()?.first).contains(part))
    }

    @Test func lineHasAllKnownMembers() throws {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let journal = RequestJournal(log: log, metrics: Metrics())
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        var context = try context("traceparent: 00-\(trace)-00f067aa0ba902b7-01\r\n")
        context.caller = KeyHolder("app", requestsPerSecond: nil, heldMax: 1)
        context.problem = .upstreamError
        context.cacheResult = CacheResult.none
        journal.close(context, status: 502, events: 3)
        log.flush(patience: .seconds(30))
        let line = try json(#require(pipe.lines()?.first))
        expectEqual(line["trace_id"]?.string, trace)
        expectEqual(line["caller"]?.string, "app")
        expectEqual(line["problem"]?.string, "upstream-error")
        expectEqual(line["cache"]?.string, "none")
        expectEqual(line["events"]?.integer, 3)
        #expect(line.names.contains("duration_ms"))
    }
}
