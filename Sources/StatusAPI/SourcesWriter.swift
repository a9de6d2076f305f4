// The answer to `GET /sources`: the state of each source, for operators and programs.

public import HTTPWire
public import StatusCore

/// One source in the answer to `GET /sources`.
public struct SourceReport: Sendable {
    public var overview: SourceOverview
    public var kind: String
    /// Answers that were given without a call of their own.
    public var callsSaved: Int
    public var smallestGap: Duration?

    public init(
        _ overview: SourceOverview, kind: String, callsSaved: Int, smallestGap: Duration?
    ) {
        self.overview = overview
        self.kind = kind
        self.callsSaved = callsSaved
        self.smallestGap = smallestGap
    }
}

public enum SourcesWriter {
    public static func response(_ reports: [SourceReport], clocks: Clocks) -> Response {
        var json = JSONWriter(reserving: 1024)
        json.beginObject()
        json.name("sources")
        json.beginArray()
        for report in reports { write(report, clocks, into: &json) }
        json.endArray()
        json.endObject()
        let fields = [
            Field(name: "Content-Type", value: "application/json"),
            Field(name: "Cache-Control", value: "no-store"),
        ]
        return Response(status: 200, fields: fields, body: json.bytes)
    }

    private static func write(
        _ report: SourceReport, _ clocks: Clocks, into json: inout JSONWriter
    ) {
        let (overview, figures) = (report.overview, report.overview.figures)
        let standing = figures.blocks.filter { $0.stands(clocks.instant) }
        let blocked = figures.reason(at: clocks.instant)
        let sentences = standing.map { $0.sentence(figures.source, clocks) }
        let sentence = sentences.isEmpty ? blocked?.sentence : sentences.joined(separator: "; ")
        json.beginObject()
        json.member("name", figures.source.name)
        json.member("kind", report.kind)
        json.member("state", figures.condition(at: clocks.instant).rawValue)
        json.member("reason", sentence)
        json.member("until", clocks.text(standing.first?.until ?? figures.end(of: blocked)))
        json.name("budget")
        write(figures, at: clocks.instant, into: &json)
        json.name("actions")
        json.beginObject()
        json.member("pending", overview.pending)
        json.member("finished", overview.finished)
        json.endObject()
        json.name("calls")
        json.beginObject()
        json.member("made", overview.callsMade)
        json.member("saved", report.callsSaved)
        json.endObject()
        json.member("min_interval_seconds", number(figures.policy.minInterval))
        json.member("smallest_gap_seconds", report.smallestGap.map(number))
        json.member("last_answer_at", clocks.text(overview.lastAnsweredAt))
        json.name("last_calls")
        json.beginArray()
        for call in overview.lastCalls { ExplanationWriter.write(call, clocks, into: &json) }
        json.endArray()
        json.endObject()
    }

    /// Before the first reservation the calls are unknown, and all count as left.
    private static func write(
        _ figures: UpstreamFigures, at now: Instant, into json: inout JSONWriter
    ) {
        let limits = figures.policy.budget
        let left = figures.budget?.left(at: now, of: limits)
        json.beginObject()
        for (name, limit, rest) in [
            ("minute", limits.perMinute, left?.minute ?? limits.perMinute),
            ("day", limits.perDay, left?.day ?? limits.perDay),
        ] as [(String, Int?, Int?)] {
            json.name(name)
            json.beginObject()
            json.member("limit", limit)
            json.member("left", rest)
            json.endObject()
        }
        json.endObject()
    }

    /// Seconds, to the millisecond.
    private static func number(_ span: Duration) -> JSONValue {
        let milliseconds = span.nanoseconds / 1_000_000
        let rest = String(milliseconds % 1000 + 1000).dropFirst()
        let digits = rest.dropLast(rest.reversed().prefix { $0 == "0" }.count)
        return .number("\(milliseconds / 1000)" + (digits.isEmpty ? "" : ".\(digits)"))
    }
}

extension UpstreamFigures {
    fileprivate func end(of reason: BlockReason?) -> Instant? {
        reason == nil || SourceCondition(reason) == .ok ? nil : blocked?.until
    }
}

extension BlockReason {
    /// For reasons that are not a block of this source alone.
    fileprivate var sentence: String? {
        switch SourceCondition(self) {
        case .ok: nil
        case .store: "this service's own store cannot be used, so no calls are made"
        case .paused: "the upstream says that no calls are left"
        case .breakerOpen, .budgetSpent, .ourSide: word
        }
    }
}
