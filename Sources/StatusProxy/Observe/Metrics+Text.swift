// The metrics as the text of `GET /metrics`.

import Locking
import SocketServer
import StateStores
import StatusCore

extension Metrics {
    func text(_ gauges: Gauges, _ requests: RequestCounts) -> String {
        let state = self.state.withLock { $0 }
        var text = MetricsText()
        text.family(
            "requests_total", "counter",
            "Requests answered; 499 means that the caller left first.")
        for (route, status, count) in requests.byRoute {
            text.sample("requests_total", [("route", route), ("code", "\(status)")], count)
        }
        text.family(
            "request_duration_seconds", "histogram",
            "Time from request to answer, for requests answered at once.")
        text.histogram(requests.durations, "request_duration_seconds", [])
        text.family(
            "held_request_duration_seconds", "histogram",
            "Time from request to answer, for held requests; for streams, to their beginning."
        )
        text.histogram(requests.heldDurations, "held_request_duration_seconds", [])
        text.family("problems_total", "counter", "Problem responses, by code.")
        for (code, count) in requests.byProblem {
            text.sample("problems_total", [("code", code)], count)
        }
        text.family("caller_requests_total", "counter", "Requests answered, by caller.")
        for (name, count) in gauges.callers {
            text.sample("caller_requests_total", [("caller", name)], count)
        }
        text.family("cache_results_total", "counter", "Answers, by cache result.")
        for (result, count) in requests.byResult {
            text.sample("cache_results_total", [("result", result)], count)
        }
        text.family(
            "calls_saved_total", "counter", "Answers given without an upstream call of their own.")
        text.sample("calls_saved_total", [], requests.savedCalls)
        state.writeUpstreams(gauges, into: &text)
        text.family("store_failures_total", "counter", "Store operations that failed.")
        text.sample("store_failures_total", [], state.storeFailures)
        text.family("store_up", "gauge", "1 while the store is usable, as in /readyz.")
        text.sample("store_up", [], gauges.storeIsUp ? 1 : 0)
        text.family("store_losses_total", "counter", "Times that the store became unreachable.")
        text.sample("store_losses_total", [], state.storeLosses)
        text.family(
            "store_notifications_unreadable_total", "counter",
            "Database notifications that no replica can have sent.")
        text.sample("store_notifications_unreadable_total", [], state.notificationsUnreadable)
        text.family(
            "store_notification_losses_total", "counter",
            "Times that database notifications were interrupted by a flood or a lost connection.")
        text.sample("store_notification_losses_total", [], state.notificationLosses)
        text.family("actions_stored", "gauge", "Actions held in memory.")
        text.sample("actions_stored", [], gauges.storedActions)
        text.family(
            "actions_stored_bytes", "gauge",
            "Bytes of states held in memory, compressed forms included.")
        text.sample("actions_stored_bytes", [], gauges.storedBytes)
        text.family("waiters", "gauge", "Requests that wait for a call or a change.")
        text.sample("waiters", [], gauges.waitingCallers)
        text.family(
            "engine_turn_seconds_max", "gauge",
            "Longest CPU time of one turn of the queue that drives upstream calls.")
        text.sample("engine_turn_seconds_max", [], LogWriter.secondsText(gauges.longestTurn))
        text.family("event_streams", "gauge", "Open event streams.")
        text.sample("event_streams", [], gauges.eventStreams)
        text.family("connections", "gauge", "Open caller connections.")
        text.sample("connections", [], gauges.server.connections)
        text.family(
            "connections_refused_total", "counter",
            "Connections refused, by reason.")
        for (reason, count) in state.connectionsRefused.sorted(by: { $0.key < $1.key }) {
            text.sample("connections_refused_total", [("reason", reason)], count)
        }
        text.family(
            "connections_cut_total", "counter",
            "Connections cut off, by reason."
        )
        for reason in Cut.Reason.allCases {
            text.sample(
                "connections_cut_total", [("reason", reason.rawValue)], state.cuts[reason] ?? 0)
        }
        text.family(
            "kept_bytes", "gauge",
            "Bytes kept for connections: unsent answers and unread input.")
        text.sample("kept_bytes", [("of", "output")], gauges.server.keptOutputBytes)
        text.sample("kept_bytes", [("of", "input")], gauges.server.keptInputBytes)
        text.family(
            "descriptor_shortage", "gauge",
            "1 while no file descriptor is left for a new connection.")
        text.sample("descriptor_shortage", [], state.shortOfDescriptors > 0 ? 1 : 0)
        text.family(
            "descriptor_shortages_total", "counter",
            "Times that file descriptors ran out for new connections.")
        text.sample("descriptor_shortages_total", [], state.shortages)
        if let isGood = state.callerKeysAreGood {
            text.family(
                "caller_keys_good", "gauge",
                "0 while the caller key file is unusable and the previous keys stay in force.")
            text.sample("caller_keys_good", [], isGood ? 1 : 0)
        }
        text.family(
            "log_lines_lost_total", "counter",
            "Log lines dropped because the log was read too slowly or not at all.")
        text.sample("log_lines_lost_total", [], gauges.logLinesLost)
        text.family("build_info", "gauge", "Always 1; the label has the version.")
        text.sample("build_info", [("version", ProgramVersion.text)], 1)
        if let process = gauges.process { Self.write(process, into: &text) }
        return text.text
    }

    /// With the names of Prometheus' own client libraries.
    private static func write(_ process: ProcessFigures, into text: inout MetricsText) {
        text.prefix = "process_"
        text.family("cpu_seconds_total", "counter", "User and system CPU time.")
        text.sample("cpu_seconds_total", [], LogWriter.secondsText(process.cpu))
        let gauges: [(name: String, help: String, value: Int?)] = [
            ("resident_memory_bytes", "Resident memory.", process.residentBytes),
            ("virtual_memory_bytes", "Virtual memory.", process.virtualBytes),
            ("open_fds", "Open file descriptors.", process.openDescriptors),
            ("max_fds", "Limit of open file descriptors.", process.descriptorsMax),
        ]
        for gauge in gauges {
            guard let value = gauge.value else { continue }
            text.family(gauge.name, "gauge", gauge.help)
            text.sample(gauge.name, [], value)
        }
        guard let startedAt = process.startedAt else { return }
        text.family(
            "start_time_seconds", "gauge",
            "Start time of the process, in seconds since the Unix epoch.")
        text.sample("start_time_seconds", [], startedAt)
    }
}

/// The text under construction. Label values are our own words, which need no escapes.
struct MetricsText {
    var text = ""
    var prefix = "status_proxy_"

    mutating func family(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(prefix)\(name) \(help)\n# TYPE \(prefix)\(name) \(type)\n"
    }

    mutating func sample(
        _ name: String, _ labels: [(String, String)], _ value: some CustomStringConvertible
    ) {
        let pairs = labels.map { "\($0)=\"\($1)\"" }.joined(separator: ",")
        text += "\(prefix)\(name)\(pairs.isEmpty ? "" : "{\(pairs)}") \(value)\n"
    }

    /// Buckets, sum and count of one series.
    mutating func histogram(_ histogram: Histogram, _ name: String, _ labels: [(String, String)]) {
        var total = 0
        for (bound, count) in zip(histogram.bounds.texts, histogram.counts) {
            total += count
            sample("\(name)_bucket", labels + [("le", bound)], total)
        }
        sample("\(name)_bucket", labels + [("le", "+Inf")], histogram.count)
        sample("\(name)_sum", labels, LogWriter.secondsText(.nanoseconds(histogram.nanoseconds)))
        sample("\(name)_count", labels, histogram.count)
    }
}
