// The report of an audit, as text and JSON.

import StatusCore

/// The verdict on each upstream that is on or has calls in the journal.
struct AuditReport {
    private var parts: [Part] = []

    private struct Part {
        var source: Source
        var isOn: Bool
        var verdict: AuditVerdict
        /// From the store, which keeps it longer than the journal.
        var smallestGapEver: Duration?
    }

    init(
        _ journal: any CallJournal, _ settings: Settings, againstCurrent: Bool
    ) throws(StoreFailure) {
        let policies = settings.trackerPolicy.sources
        var audit = JournalAudit(policies, againstCurrent: againstCurrent)
        try journal.forEachCall { audit.take($0) }
        let gaps = try journal.smallestGaps()
        for source in audit.sources {
            let verdict = audit.verdict(on: source)
            guard policies[source] != nil || verdict.calls > 0 else { continue }
            parts.append(
                Part(
                    source: source, isOn: policies[source] != nil, verdict: verdict,
                    smallestGapEver: gaps[source]))
        }
    }

    var holds: Bool { parts.allSatisfy(\.verdict.holds) }
}

// MARK: - Text

extension AuditReport {
    func text() -> String {
        let parts = parts.map { Self.lines($0).joined(separator: "\n") }
        let verdict = holds ? "every limit was kept" : "NOT every limit was kept"
        return (parts + [verdict]).joined(separator: "\n")
    }

    private static func lines(_ part: Part) -> [String] {
        let verdict = part.verdict
        var lines = [heading(part)]
        if verdict.withoutEnd > 0 {
            lines.append(
                "  without a known end  \(verdict.withoutEnd), assumed to have reached the upstream"
                    + " at the last possible moment")
        }
        if let gap = verdict.smallestGap {
            lines.append("  smallest gap         \(words(gap))\(least(gap))")
        }
        if let gap = part.smallestGapEver {
            lines.append("  smallest gap ever    \(seconds(gap)), from the store")
        }
        if let busiest = verdict.busiestMinute {
            lines.append("  busiest minute       \(words(busiest))")
        }
        if let busiest = verdict.busiestDay {
            lines.append("  busiest day          \(words(busiest))")
        }
        lines += verdict.violations.map { "  VIOLATION            \(words($0))" }
        let more = verdict.violationCount - verdict.violations.count
        if more > 0 { lines.append("  and \(more) more violations") }
        return lines
    }

    private static func heading(_ part: Part) -> String {
        let verdict = part.verdict
        guard let since = verdict.since, let until = verdict.until else {
            return "\(part.source.name): no calls"
        }
        let off = part.isOn ? "" : "; the upstream is off"
        let unjudged = verdict.unjudged > 0 ? "; \(verdict.unjudged) were not checked" : ""
        return "\(part.source.name): \(verdict.calls) calls for \(verdict.actions) actions"
            + ", from \(RFC3339.format(since)) to \(RFC3339.format(until))\(off)\(unjudged)"
    }

    private static func words(_ violation: AuditViolation) -> String {
        switch violation {
        case .spacing(let gap, let least):
            "\(words(gap)), but \(seconds(least)) were required"
        case .budget(let kind, let busiest, _):
            "\(kind.rawValue): \(words(busiest))"
        }
    }

    private static func words(_ gap: AuditedGap) -> String {
        let doubt = gap.isKnown ? "" : " at worst"
        return "\(seconds(gap.span))\(doubt), \(gap.id.text) at \(RFC3339.format(gap.at))"
    }

    private static func words(_ busiest: BusiestSpan) -> String {
        let limit = busiest.limit.map { " of \($0)" } ?? ""
        return "\(busiest.calls)\(limit) calls, up to \(RFC3339.format(busiest.until))"
    }

    private static func least(_ gap: AuditedGap) -> String {
        gap.least.map { " (\(seconds($0)) were required)" } ?? ""
    }

    private static func seconds(_ span: Duration) -> String { "\(digits(span)) s" }

    /// Overlapping calls have a negative gap.
    private static func digits(_ span: Duration) -> String {
        span < .zero ? "-\(LogWriter.secondsText(.zero - span))" : LogWriter.secondsText(span)
    }
}

// MARK: - JSON

extension AuditReport {
    func json() -> String {
        var json = JSONWriter()
        json.beginObject()
        json.member("holds", holds)
        json.name("sources")
        json.beginArray()
        for part in parts { Self.write(part, to: &json) }
        json.endArray()
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func write(_ part: Part, to json: inout JSONWriter) {
        let verdict = part.verdict
        json.beginObject()
        json.member("source", part.source.name)
        json.member("judged", verdict.unjudged == 0)
        json.member("holds", verdict.holds)
        json.member("calls", verdict.calls)
        json.member("calls_without_known_end", verdict.withoutEnd)
        json.member("calls_never_sent", verdict.neverSent)
        json.member("calls_not_judged", verdict.unjudged)
        json.member("actions", verdict.actions)
        json.member("since", verdict.since.map(RFC3339.format))
        json.member("until", verdict.until.map(RFC3339.format))
        json.name("smallest_gap")
        write(verdict.smallestGap, to: &json)
        json.member("smallest_gap_ever_seconds", part.smallestGapEver.map(number))
        json.name("busiest_minute")
        write(verdict.busiestMinute, to: &json)
        json.name("busiest_day")
        write(verdict.busiestDay, to: &json)
        json.member("violation_count", verdict.violationCount)
        json.name("violations")
        json.beginArray()
        for violation in verdict.violations { write(violation, to: &json) }
        json.endArray()
        json.endObject()
    }

    private static func write(_ violation: AuditViolation, to json: inout JSONWriter) {
        json.beginObject()
        switch violation {
        case .spacing(let gap, let least):
            json.member("kind", "spacing")
            json.member("least_seconds", number(least))
            json.name("gap")
            write(gap, to: &json)
        case .budget(let kind, let busiest, let limit):
            json.member("kind", kind.rawValue)
            json.member("limit", limit)
            json.name("busiest")
            write(busiest, to: &json)
        }
        json.endObject()
    }

    private static func write(_ gap: AuditedGap?, to json: inout JSONWriter) {
        guard let gap else { return json.null() }
        json.beginObject()
        json.member("seconds", number(gap.span))
        json.member("least_seconds", gap.least.map(number))
        json.member("known", gap.isKnown)
        json.member("id", gap.id.text)
        json.member("at", RFC3339.format(gap.at))
        json.endObject()
    }

    private static func write(_ busiest: BusiestSpan?, to json: inout JSONWriter) {
        guard let busiest else { return json.null() }
        json.beginObject()
        json.member("calls", busiest.calls)
        json.member("limit", busiest.limit)
        json.member("until", RFC3339.format(busiest.until))
        json.endObject()
    }

    private static func number(_ span: Duration) -> JSONValue {
        .number(digits(span))
    }
}
