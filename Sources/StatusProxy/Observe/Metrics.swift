// What is counted, and how Prometheus reads it (text format 0.0.4).

import Locking
import StatusCore

/// The process's counters and gauges. No action id ever stands in a label.
final class Metrics: Sendable {
    private let state = Guarded(State())

    private struct State {
        var requests: [RequestKey: Int] = [:]
        var durations = Histogram()
        var cacheResults: [String: Int] = [:]
        var calls: [CallKey: Int] = [:]
        var callDurations: [Source: Histogram] = [:]
        var smallestGaps: [Source: Duration] = [:]
        var denials: [CallKey: Int] = [:]
        var budgets: [Source: BudgetLeft] = [:]
        var openBreakers: Set<Source> = []
        var storeFailures = 0
        var anomalies: [Source: Int] = [:]
    }

    private struct RequestKey: Hashable {
        var route: String
        var status: Int

        var order: (String, Int) { (route, status) }
    }

    private struct CallKey: Hashable {
        var source: Source
        var outcome: String

        var order: (String, String) { (source.rawValue, outcome) }
    }

    /// Cumulative buckets, in seconds.
    private struct Histogram {
        static let bounds: [Duration] = [
            .microseconds(50), .microseconds(100), .microseconds(250), .milliseconds(1),
            .milliseconds(5), .milliseconds(25), .milliseconds(100), .milliseconds(500),
            .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(60),
        ]
        var counts = [Int](repeating: 0, count: bounds.count)
        var count = 0
        var sum = Duration.zero

        mutating func add(_ span: Duration) {
            count += 1
            sum += span
            if let index = Self.bounds.firstIndex(where: { span <= $0 }) { counts[index] += 1 }
        }
    }

    /// Gauges that others keep.
    struct Gauges {
        var connections: Int
        var storedActions: Int
        var waitingCallers: Int
    }

    func countRequest(route: String, status: Int, took: Duration, cacheResult: String?) {
        state.withLock {
            $0.requests[RequestKey(route: route, status: status), default: 0] += 1
            $0.durations.add(took)
            if let cacheResult { $0.cacheResults[cacheResult, default: 0] += 1 }
        }
    }

    func count(_ note: Note) {
        state.withLock { state in
            switch note {
            case .called(let key, let outcome, let took, _, _):
                state.calls[CallKey(source: key.source, outcome: outcome), default: 0] += 1
                state.callDurations[key.source, default: Histogram()].add(took)
            case .gap(let source, let smallest): state.smallestGaps[source] = smallest
            case .budgetLeft(let source, let left): state.budgets[source] = left
            case .denied(let source, let obstacle):
                state.denials[CallKey(source: source, outcome: obstacle.word), default: 0] += 1
            case .breakerOpened(let source, _): state.openBreakers.insert(source)
            case .breakerClosed(let source): state.openBreakers.remove(source)
            case .paused: break
            case .terminalRegressed(let key): state.anomalies[key.source, default: 0] += 1
            case .storeFailed: state.storeFailures += 1
            }
        }
    }

    /// Upstreams whose breaker is not closed.
    var openBreakers: Set<Source> { state.withLock { $0.openBreakers } }

    // MARK: Text

    func text(_ gauges: Gauges, configured: [Source]) -> String {
        let state = state.withLock { $0 }
        var text = MetricsText()
        text.family("requests_total", "counter", "Requests answered.")
        for (key, count) in state.requests.sorted(by: { $0.key.order < $1.key.order }) {
            text.sample("requests_total", [("route", key.route), ("code", "\(key.status)")], count)
        }
        text.family("request_duration_seconds", "histogram", "From request to answer.")
        Self.write(state.durations, "request_duration_seconds", [], into: &text)
        text.family("cache_results_total", "counter", "Answers by how they were come by.")
        for (result, count) in state.cacheResults.sorted(by: { $0.key < $1.key }) {
            text.sample("cache_results_total", [("result", result)], count)
        }
        Self.writeUpstreams(state, configured, into: &text)
        text.family("store_failures_total", "counter", "Store operations that failed.")
        text.sample("store_failures_total", [], state.storeFailures)
        text.family("actions_stored", "gauge", "Actions held in memory.")
        text.sample("actions_stored", [], gauges.storedActions)
        text.family("waiters", "gauge", "Requests held for news.")
        text.sample("waiters", [], gauges.waitingCallers)
        text.family("connections", "gauge", "Open connections of callers.")
        text.sample("connections", [], gauges.connections)
        return text.text
    }

    private static func writeUpstreams(
        _ state: State, _ configured: [Source], into text: inout MetricsText
    ) {
        text.family("upstream_calls_total", "counter", "Calls by outcome.")
        for (key, count) in state.calls.sorted(by: { $0.key.order < $1.key.order }) {
            text.sample(
                "upstream_calls_total",
                [("source", key.source.rawValue), ("outcome", key.outcome)], count)
        }
        text.family("upstream_call_duration_seconds", "histogram", "From sending to the end.")
        for source in configured {
            guard let durations = state.callDurations[source] else { continue }
            write(
                durations, "upstream_call_duration_seconds", [("source", source.rawValue)],
                into: &text)
        }
        text.family(
            "upstream_min_gap_seconds", "gauge",
            "Smallest gap ever between two calls of one action: from the end of one to the sending"
                + " of the next.")
        for source in configured {
            guard let gap = state.smallestGaps[source] else { continue }
            text.sample(
                "upstream_min_gap_seconds", [("source", source.rawValue)],
                LogWriter.secondsText(gap))
        }
        text.family(
            "upstream_denials_total", "counter", "Calls that something stood in the way of.")
        for (key, count) in state.denials.sorted(by: { $0.key.order < $1.key.order }) {
            text.sample(
                "upstream_denials_total",
                [("source", key.source.rawValue), ("reason", key.outcome)], count)
        }
        text.family("upstream_budget_left", "gauge", "Calls left, at the last reservation.")
        for source in configured {
            guard let left = state.budgets[source] else { continue }
            text.sample(
                "upstream_budget_left", [("source", source.rawValue), ("window", "minute")],
                left.minute)
            guard let day = left.day else { continue }
            text.sample(
                "upstream_budget_left", [("source", source.rawValue), ("window", "day")], day)
        }
        text.family("upstream_breaker_open", "gauge", "1 while the upstream keeps failing.")
        for source in configured {
            text.sample(
                "upstream_breaker_open", [("source", source.rawValue)],
                state.openBreakers.contains(source) ? 1 : 0)
        }
        text.family(
            "upstream_anomalies_total", "counter", "Finished actions told as unfinished.")
        for source in configured {
            text.sample(
                "upstream_anomalies_total", [("source", source.rawValue)],
                state.anomalies[source] ?? 0)
        }
    }

    private static func write(
        _ histogram: Histogram, _ name: String, _ labels: [(String, String)],
        into text: inout MetricsText
    ) {
        var total = 0
        for (bound, count) in zip(Histogram.bounds, histogram.counts) {
            total += count
            text.sample(
                "\(name)_bucket", labels + [("le", LogWriter.secondsText(bound))], total)
        }
        text.sample("\(name)_bucket", labels + [("le", "+Inf")], histogram.count)
        text.sample("\(name)_sum", labels, LogWriter.secondsText(histogram.sum))
        text.sample("\(name)_count", labels, histogram.count)
    }
}

/// Writes the lines. Label values are our own words: nothing in them needs an escape.
private struct MetricsText {
    var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP status_proxy_\(name) \(help)\n# TYPE status_proxy_\(name) \(type)\n"
    }

    mutating func sample(
        _ name: String, _ labels: [(String, String)], _ value: some CustomStringConvertible
    ) {
        let pairs = labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",")
        text += "status_proxy_\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(value)\n"
    }
}
