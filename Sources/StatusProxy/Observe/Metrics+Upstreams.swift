// The metrics of sources and their actions.

import StatusCore

extension Metrics.State {
    mutating func count(_ source: Source, _ status: ActionStatus, _ ending: ActionEnding?) {
        finished[Metrics.CallKey(source: source, outcome: status.rawValue), default: 0] += 1
        guard let ending else { return }
        for (errorClass, count) in ending.errors {
            errors[Metrics.CallKey(source: source, outcome: errorClass.rawValue), default: 0] +=
                count
        }
        guard let took = ending.took else { return }
        actionDurations[source, default: Histogram(.actions)].add(took)
    }

    func writeUpstreams(_ gauges: Metrics.Gauges, into text: inout MetricsText) {
        writeCalls(gauges.upstreams, into: &text)
        writeLimits(gauges, into: &text)
        writeConditions(gauges, into: &text)
        writeActions(gauges, into: &text)
    }

    private func writeCalls(_ upstreams: [UpstreamFigures], into text: inout MetricsText) {
        let sources = upstreams.map(\.source)
        text.family("upstream_calls_total", "counter", "Upstream calls, by outcome.")
        let outcomes = ["answered"] + UpstreamFault.Kind.allCases.map(\.rawValue)
        write(calls, "upstream_calls_total", "outcome", outcomes, sources, into: &text)
        text.family(
            "upstream_call_duration_seconds", "histogram",
            "Time from sending an upstream request to its end.")
        for source in sources {
            text.histogram(
                callDurations[source] ?? Histogram(), "upstream_call_duration_seconds",
                [("source", source.name)])
        }
        text.family(
            "upstream_denials_total", "counter", "Upstream calls that were not made, by reason.")
        write(
            denials, "upstream_denials_total", "reason", BlockReason.words, sources, into: &text)
        text.family(
            "upstream_credential_failures_total", "counter",
            "Times that there was no credential, or that the upstream refused it.")
        let reasons = [UpstreamFault.Kind.tokenRefused, .tokenUnavailable, .unauthorized].map(
            \.rawValue)
        write(
            credentialFailures, "upstream_credential_failures_total", "reason", reasons, sources,
            into: &text)
        text.family(
            "upstream_anomalies_total", "counter",
            "Finished actions that the upstream reported as unfinished.")
        for source in sources {
            text.sample(
                "upstream_anomalies_total", [("source", source.name)], anomalies[source] ?? 0)
        }
    }

    private func writeLimits(_ gauges: Metrics.Gauges, into text: inout MetricsText) {
        text.family(
            "upstream_min_gap_seconds", "gauge",
            "Smallest gap ever between two calls of one action: from the end of one to the sending"
                + " of the next.")
        for upstream in gauges.upstreams {
            guard let gap = smallestGaps[upstream.source] else { continue }
            text.sample(
                "upstream_min_gap_seconds", [("source", upstream.source.name)],
                LogWriter.secondsText(gap))
        }
        text.family(
            "upstream_min_interval_seconds", "gauge",
            "Configured interval between two calls for one action.")
        for upstream in gauges.upstreams {
            text.sample(
                "upstream_min_interval_seconds", [("source", upstream.source.name)],
                LogWriter.secondsText(upstream.policy.minInterval))
        }
        text.family(
            "upstream_violations_total", "counter",
            "Calls sent sooner after the previous one than their interval allows.")
        for upstream in gauges.upstreams {
            text.sample(
                "upstream_violations_total", [("source", upstream.source.name)],
                violations[upstream.source] ?? 0)
        }
        text.family("upstream_budget_limit", "gauge", "Calls that the budget allows in a window.")
        for upstream in gauges.upstreams {
            let limits = upstream.policy.budget
            write(
                limits.perMinute, limits.perDay, "upstream_budget_limit", upstream.source,
                into: &text)
        }
        text.family(
            "upstream_budget_left", "gauge",
            "Calls left in the window, as far as this process knows.")
        for upstream in gauges.upstreams {
            guard let left = upstream.budget?.left(at: gauges.now, of: upstream.policy.budget)
            else { continue }
            write(left.minute, left.day, "upstream_budget_left", upstream.source, into: &text)
        }
    }

    private func write(
        _ minute: Int, _ day: Int?, _ name: String, _ source: Source, into text: inout MetricsText
    ) {
        text.sample(name, [("source", source.name), ("window", "minute")], minute)
        if let day { text.sample(name, [("source", source.name), ("window", "day")], day) }
    }

    private func writeConditions(_ gauges: Metrics.Gauges, into text: inout MetricsText) {
        text.family("upstream_breaker_open", "gauge", "1 while the circuit breaker is open.")
        for upstream in gauges.upstreams {
            text.sample(
                "upstream_breaker_open", [("source", upstream.source.name)],
                openBreakers.contains(upstream.source) ? 1 : 0)
        }
        text.family(
            "upstream_paused_until_timestamp_seconds", "gauge",
            "Unix time until which calls are paused; 0 when they are not.")
        for upstream in gauges.upstreams {
            let left = upstream.pausedUntil - gauges.now
            let until = left > .zero ? Double((gauges.wall + left).milliseconds) / 1000 : 0
            text.sample(
                "upstream_paused_until_timestamp_seconds", [("source", upstream.source.name)],
                until)
        }
        text.family(
            "upstream_condition", "gauge",
            "1 for the current condition of the source, 0 for the others.")
        for upstream in gauges.upstreams {
            let condition = upstream.condition(at: gauges.now)
            for each in SourceCondition.allCases {
                text.sample(
                    "upstream_condition",
                    [("source", upstream.source.name), ("condition", each.rawValue)],
                    each == condition ? 1 : 0)
            }
        }
    }

    private func writeActions(_ gauges: Metrics.Gauges, into text: inout MetricsText) {
        let sources = gauges.upstreams.map(\.source)
        text.family(
            "actions_finished_total", "counter",
            "Actions that an upstream call of this process found finished.")
        let statuses = [ActionStatus.succeeded, .partiallySucceeded, .failed, .unknown]
        write(
            finished, "actions_finished_total", "status", statuses.map(\.rawValue), sources,
            into: &text)
        text.family(
            "action_errors_total", "counter", "Errors that finished actions list, by class.")
        write(
            errors, "action_errors_total", "class", ErrorClass.allCases.map(\.rawValue), sources,
            into: &text)
        text.family(
            "action_duration_seconds", "histogram",
            "Time from the creation of an action to its end.")
        for source in sources {
            text.histogram(
                actionDurations[source] ?? Histogram(.actions), "action_duration_seconds",
                [("source", source.name)])
        }
        text.family(
            "oldest_unfinished_action_age_seconds", "gauge",
            "Age of the oldest unfinished action in memory; 0 when there is none.")
        for upstream in gauges.upstreams {
            let age = upstream.unfinishedSince.map { gauges.now - $0 } ?? .zero
            text.sample(
                "oldest_unfinished_action_age_seconds", [("source", upstream.source.name)],
                LogWriter.secondsText(max(.zero, age)))
        }
    }

    /// Known words start at 0; others appear when they occur.
    private func write(
        _ counts: [Metrics.CallKey: Int], _ name: String, _ label: String, _ expected: [String],
        _ sources: [Source], into text: inout MetricsText
    ) {
        for source in sources {
            let come = counts.keys.filter { $0.source == source }.map(\.outcome)
            for word in Set(expected + come).sorted() {
                let count = counts[Metrics.CallKey(source: source, outcome: word)] ?? 0
                text.sample(name, [("source", source.name), (label, word)], count)
            }
        }
    }
}
