// The metrics text for Prometheus: its form and its counts.

import Dispatch
import Locking
import SocketServer
import StateStores
import StatusAPI
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct MetricsTests {
    private let metrics = Metrics()
    private let requests = Guarded(RequestCounts())
    private let gauges = Metrics.Gauges(
        server: ServerFigures(connections: 3, keptOutputBytes: 11, keptInputBytes: 13),
        storedActions: 5, storedBytes: 4096, waitingCallers: 2, eventStreams: 1, storeIsUp: true)

    private static let policy = SourcePolicy(
        minInterval: .seconds(60), maxInterval: .seconds(300), callDeadline: .seconds(10),
        budget: BudgetLimits(perMinute: 600, perDay: 2400))

    private func figures(_ sources: [Source]) -> [UpstreamFigures] {
        sources.map { UpstreamFigures(source: $0, policy: Self.policy) }
    }

    private func read(_ configured: [Source] = Source.both) throws -> MetricsReader {
        try read(figures(configured))
    }

    private func read(_ upstreams: [UpstreamFigures]) throws -> MetricsReader {
        var gauges = gauges
        gauges.upstreams = upstreams
        return try MetricsReader(metrics.text(gauges, requests.withLock { $0 }))
    }

    private func count(
        _ route: Route?, _ status: Int = 200, took: Duration = .zero, _ result: CacheResult? = nil,
        savedCalls: Int = 0, problem: ProblemDetails.Code? = nil, isHeld: Bool = false
    ) {
        requests.withLock {
            $0.count(
                route, status: status, nanoseconds: took.nanoseconds, result,
                savedCalls: savedCalls, problem: problem, isHeld: isHeld)
        }
    }

    private func key(_ source: Source, _ id: String = "aa_secretive") throws -> EntryKey {
        EntryKey(source, try #require(ActionID(id)))
    }

    /// With every note and request that exists, so that every family has samples.
    private func countEverything() throws {
        for source in Source.both {
            let key = try key(source)
            let fault = UpstreamFault(kind: .serverError, httpStatus: 500, message: "aa_secretive")
            for note: Note in [
                .called(
                    key, outcome: "answered", took: .milliseconds(30), sent: true,
                    detail: nil, cause: nil),
                .called(
                    key, outcome: "server-error", took: .seconds(70), sent: true, detail: fault,
                    cause: "r-1"),
                .gap(source, smallest: .seconds(60)),
                .violated(source, gap: .seconds(59)),
                .finished(
                    key, .failed,
                    ActionEnding(errors: [.input: 3, .other: 1], took: .seconds(20))),
                .finished(key, .unknown, nil),
                .blocked(
                    source, SourceBlock(.credential, fault: UpstreamFault(kind: .tokenRefused)),
                    isNew: true),
                .denied(source, .gate), .denied(source, .ourSide(fault)),
                .denied(source, .budget(.minute)), .denied(source, .budget(.minute)),
                .blocked(source, SourceBlock(.breaker), isNew: true),
                .blocked(source, SourceBlock(.pause), isNew: true),
                .terminalRegressed(key), .storeFailed("the disk is full"),
            ] { metrics.count(note) }
        }
        for result in CacheResult.allCases + [nil] {
            count(.action, took: .microseconds(70), result)
        }
        count(nil, 400)
        for reason: ConnectionRefusal in [.overLimit, .unread, .unread, .noDescriptor] {
            metrics.count(reason)
        }
        for event in [
            NotificationEvent.unreadable(3), .interrupted("a flood"), .resumed, .unreadable(2),
        ] {
            metrics.count(event)
        }
        for reason: Cut.Reason in [.slow, .crowd, .crowd, .input] {
            metrics.count(Cut(reason: reason, unsentBytes: 1))
        }
    }

    @Test func textIsValidBeforeAnythingHappened() throws {
        let text = try read()
        // All counters exist with 0 from the start, so that a first fault is an increase.
        for (name, labels) in [
            ("requests_total", ["route": "/actions/{id}", "code": "503"]),
            ("cache_results_total", ["result": "stale"]),
            ("problems_total", ["code": "overloaded"]),
            ("upstream_calls_total", ["source": "orders", "outcome": "tls-failed"]),
            ("upstream_denials_total", ["source": "vouchers", "reason": "budget-spent-day"]),
            ("upstream_violations_total", ["source": "orders"]),
            ("actions_finished_total", ["source": "orders", "status": "SUCCEEDED"]),
            ("action_errors_total", ["source": "orders", "class": "not_found"]),
            ("upstream_paused_until_timestamp_seconds", ["source": "orders"]),
            ("oldest_unfinished_action_age_seconds", ["source": "orders"]),
            ("held_request_duration_seconds_count", [:]),
        ] as [(String, [String: String])] {
            expectEqual(text.value(name, labels), 0, "\(name) \(labels)")
        }
        expectEqual(text.value("upstream_condition", ["source": "orders", "condition": "ok"]), 1)
        expectEqual(text.value("request_duration_seconds_count"), 0)
        expectEqual(text.value("store_failures_total"), 0)
        expectEqual(text.value("upstream_breaker_open", ["source": "orders"]), 0)
        expectEqual(text.value("upstream_anomalies_total", ["source": "vouchers"]), 0)
    }

    @Test func everyCountIsInItsSeries() throws {
        try countEverything()
        let text = try read()
        let route = "/actions/{id}"
        let expected: [(String, [String: String], Double)] = [
            ("requests_total", ["route": route, "code": "200"], 6),
            ("requests_total", ["route": "refused", "code": "400"], 1),
            ("request_duration_seconds_count", [:], 7),
            ("cache_results_total", ["result": "hit"], 1),
            ("cache_results_total", ["result": "none"], 1),
            ("store_notifications_unreadable_total", [:], 5),
            ("store_notification_losses_total", [:], 1),
            ("upstream_calls_total", ["source": "orders", "outcome": "answered"], 1),
            ("upstream_calls_total", ["source": "vouchers", "outcome": "server-error"], 1),
            ("upstream_call_duration_seconds_count", ["source": "orders"], 2),
            ("upstream_call_duration_seconds_sum", ["source": "orders"], 70.03),
            ("upstream_min_gap_seconds", ["source": "vouchers"], 60),
            ("upstream_denials_total", ["source": "orders", "reason": "gate-shut"], 1),
            ("upstream_denials_total", ["source": "orders", "reason": "server-error"], 1),
            ("upstream_denials_total", ["source": "orders", "reason": "budget-spent-minute"], 2),
            ("upstream_budget_limit", ["source": "orders", "window": "minute"], 600),
            ("upstream_budget_limit", ["source": "orders", "window": "day"], 2400),
            ("upstream_min_interval_seconds", ["source": "orders"], 60),
            ("upstream_violations_total", ["source": "orders"], 1),
            ("actions_finished_total", ["source": "orders", "status": "FAILED"], 1),
            ("actions_finished_total", ["source": "orders", "status": "UNKNOWN"], 1),
            ("action_errors_total", ["source": "vouchers", "class": "input"], 3),
            ("action_duration_seconds_sum", ["source": "orders"], 20),
            (
                "upstream_credential_failures_total",
                ["source": "orders", "reason": "token-refused"], 1
            ),
            ("upstream_breaker_open", ["source": "orders"], 1),
            ("upstream_anomalies_total", ["source": "orders"], 1),
            ("store_failures_total", [:], 2), ("actions_stored", [:], 5),
            ("actions_stored_bytes", [:], 4096), ("waiters", [:], 2),
            ("connections", [:], 3),
            ("connections_refused_total", ["reason": "limit"], 1),
            ("connections_refused_total", ["reason": "unread"], 2),
            ("connections_refused_total", ["reason": "descriptors"], 1),
            ("connections_cut_total", ["reason": "slow"], 1),
            ("connections_cut_total", ["reason": "share"], 0),
            ("connections_cut_total", ["reason": "crowd"], 2),
            ("connections_cut_total", ["reason": "input"], 1),
            ("kept_bytes", ["of": "output"], 11), ("kept_bytes", ["of": "input"], 13),
        ]
        for (name, labels, value) in expected {
            expectEqual(text.value(name, labels), value, "\(name) \(labels)")
        }
    }

    @Test func callsSavedAreHitsAndCollapsedRequests() throws {
        for saved in [1, 0, 9] { count(.actions, savedCalls: saved) }
        let text = try read()
        expectEqual(text.value("calls_saved_total"), 10)
    }

    @Test func buildAndProcessMetricsArePresent() throws {
        var gauges = gauges
        gauges.logLinesLost = 4
        gauges.process = ProcessFigures(
            cpu: .milliseconds(1500), virtualBytes: 3 << 30, residentBytes: 5 << 20,
            openDescriptors: 17, descriptorsMax: 1024, startedAt: 1_795_312_800.25)
        let text = try MetricsReader(metrics.text(gauges, RequestCounts()))
        expectEqual(text.value("log_lines_lost_total"), 4)
        expectEqual(text.value("build_info", ["version": ProgramVersion.text]), 1)
        for (name, type, value) in [
            ("process_cpu_seconds_total", "counter", 1.5),
            ("process_virtual_memory_bytes", "gauge", Double(3 << 30)),
            ("process_resident_memory_bytes", "gauge", Double(5 << 20)),
            ("process_open_fds", "gauge", 17), ("process_max_fds", "gauge", 1024),
            ("process_start_time_seconds", "gauge", 1_795_312_800.25),
        ] {
            expectEqual(text.value(name), value, "\(name)")
            expectEqual(text.types[name], type)
        }
    }

    /// Without a free descriptor they cannot be read.
    @Test func unavailableFiguresAreLeftOut() throws {
        var gauges = gauges
        gauges.process = ProcessFigures(cpu: .zero, descriptorsMax: 8)
        let text = try MetricsReader(metrics.text(gauges, RequestCounts()))
        expectEqual(text.value("process_max_fds"), 8)
        #expect(text.value("process_open_fds") == nil)
        #expect(text.value("process_start_time_seconds") == nil)
    }

    @Test func noLabelHasAnActionID() throws {
        try countEverything()
        var gauges = gauges
        gauges.upstreams = figures(Source.both)
        #expect(!metrics.text(gauges, RequestCounts()).contains("secretive"))
    }

    @Test func answeredAndHeldRequestsHaveSeparateHistograms() throws {
        count(.action, took: .milliseconds(1))
        count(
            .action, 504, took: .seconds(10), CacheResult.none, problem: .upstreamTimeout,
            isHeld: true)
        let text = try read()
        expectEqual(text.value("request_duration_seconds_count"), 1)
        expectEqual(text.value("held_request_duration_seconds_sum"), 10)
        expectEqual(text.value("problems_total", ["code": "upstream-timeout"]), 1)
    }

    @Test func callersAreCountedByName() throws {
        var gauges = gauges
        gauges.callers = [("billing", 7), ("shop", 0)]
        let text = try MetricsReader(metrics.text(gauges, RequestCounts()))
        expectEqual(text.value("caller_requests_total", ["caller": "billing"]), 7)
        expectEqual(text.value("caller_requests_total", ["caller": "shop"]), 0)
    }

    /// A budget refills without requests, and a pause ends: both as of the scrape.
    @Test func figuresOfSourcesAreThoseOfTheScrape() throws {
        var upstream = figures([.orders])[0]
        upstream.budget = BudgetOutlook(
            left: BudgetLeft(minute: 590, day: 100),
            returns: BudgetReturns(
                minute: [
                    .init(after: .seconds(5), count: 4), .init(after: .seconds(60), count: 9),
                ],
                day: [.init(after: .seconds(900), count: 50)]),
            at: gauges.now - .seconds(10))
        upstream.pausedUntil = gauges.now + .seconds(30)
        upstream.blocked = (.paused, upstream.pausedUntil)
        upstream.unfinishedSince = gauges.now - .seconds(3600)
        let text = try read([upstream])
        let budget = "upstream_budget_left"
        expectEqual(text.value(budget, ["source": "orders", "window": "minute"]), 594)
        expectEqual(text.value(budget, ["source": "orders", "window": "day"]), 100)
        let until = text.value("upstream_paused_until_timestamp_seconds", ["source": "orders"])
        expectEqual(until, Double(gauges.wall.milliseconds) / 1000 + 30)
        expectEqual(
            text.value("upstream_condition", ["source": "orders", "condition": "paused"]), 1)
        expectEqual(text.value("upstream_condition", ["source": "orders", "condition": "ok"]), 0)
        expectEqual(text.value("oldest_unfinished_action_age_seconds", ["source": "orders"]), 3600)
        upstream.budget?.at = gauges.now - .seconds(1000)
        upstream.pausedUntil = gauges.now
        upstream.blocked = (.paused, gauges.now)
        let later = try read([upstream])
        expectEqual(later.value(budget, ["source": "orders", "window": "minute"]), 600)
        expectEqual(later.value(budget, ["source": "orders", "window": "day"]), 150)
        expectEqual(
            later.value("upstream_paused_until_timestamp_seconds", ["source": "orders"]), 0)
        expectEqual(later.value("upstream_condition", ["source": "orders", "condition": "ok"]), 1)
    }

    @Test(arguments: [
        (Duration.zero, "5e-05"), (.microseconds(50), "5e-05"),
        (.microseconds(51), "0.0001"), (.milliseconds(1), "0.001"),
        (.milliseconds(501), "1.0"), (.seconds(60), "60.0"), (.seconds(61), "+Inf"),
    ])
    func spanIsCountedInTheFirstMatchingBucket(span: Duration, bound: String) throws {
        count(.unknown, took: span)
        let buckets = try read().samples.filter {
            $0.name == "status_proxy_request_duration_seconds_bucket"
        }
        expectEqual(buckets.first { $0.value == 1 }?.labels["le"], bound)
    }

    @Test func upstreamThatIsOffHasNoSeries() throws {
        let text = try read([.vouchers])
        #expect(text.value("upstream_breaker_open", ["source": "orders"]) == nil)
        expectEqual(text.value("upstream_breaker_open", ["source": "vouchers"]), 0)
    }

    @Test func newestGapAndBreakerCount() throws {
        for note: Note in [
            .gap(.orders, smallest: .seconds(90)), .gap(.orders, smallest: .seconds(61)),
            .blocked(.orders, SourceBlock(.breaker), isNew: true),
            .unblocked(.orders, SourceBlock(.breaker)),
        ] { metrics.count(note) }
        let text = try read()
        expectEqual(text.value("upstream_min_gap_seconds", ["source": "orders"]), 61)
        expectEqual(text.value("upstream_breaker_open", ["source": "orders"]), 0)
    }

    @Test func nothingIsLostAmongManyCounters() throws {
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<1000 {
                count(.notAllowed, took: .milliseconds(1), .hit)
            }
        }
        let text = try read()
        expectEqual(text.value("requests_total", ["route": "other", "code": "200"]), 8000)
        expectEqual(text.value("cache_results_total", ["result": "hit"]), 8000)
        expectEqual(text.value("request_duration_seconds_sum"), 8)
    }

    @Test(arguments: [
        "status_proxy_a_total 1\n", "# HELP a x\na 1\n", "# HELP a x\n# TYPE a counter\n",
        "# HELP a x\n# TYPE a gauge\na 1\na 1\n", "# HELP a x\n# TYPE a gauge\nb 1\n",
        "# HELP a x\n# TYPE a gauge\na{b=c} 1\n", "# HELP a x\n# TYPE a gauge\na one\n",
        "# HELP a x\n# TYPE a gauge\na 1",
        "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n"
            + "a_sum 1\na_count 1\n",
        "# HELP a x\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
    ])
    func readerOfTheseTestsRefusesBadText(text: String) {
        #expect(throws: MetricsReader.Fault.self) { try MetricsReader(text) }
    }
}
