// The answer to `GET /actions/{id}/explain`: why an action's answer is what it is, for people.

public import HTTPWire
public import StatusCore

public enum ExplanationWriter {
    /// JSON, or text for a caller that prefers it.
    public static func response(
        _ explanation: Explanation, clocks: Clocks, asText: Bool = false
    ) -> Response {
        let type = asText ? "text/plain; charset=utf-8" : "application/json"
        let fields = [
            Field(name: "Content-Type", value: type),
            Field(name: "Cache-Control", value: "no-store"),
        ]
        let body = asText ? Array(explanation.text(clocks).utf8) : json(explanation, clocks)
        return Response(status: 200, fields: fields, body: body)
    }

    private static func json(_ explanation: Explanation, _ clocks: Clocks) -> [UInt8] {
        var json = JSONWriter(reserving: 1024)
        json.beginObject()
        json.member("summary", explanation.summary(clocks))
        json.member("id", explanation.id.text)
        json.member("asked_before", explanation.wasAsked)
        json.member("choice", explanation.choice.rawValue)
        json.name("asks")
        json.beginArray()
        for source in explanation.asked { json.value(.string(source.name)) }
        json.endArray()
        json.name("sources")
        json.beginArray()
        for view in explanation.sources { write(view, clocks, into: &json) }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func write(
        _ view: Explanation.SourceView, _ clocks: Clocks, into json: inout JSONWriter
    ) {
        json.beginObject()
        json.member("source", view.source.name)
        json.name("answer")
        write(view.answer, clocks, into: &json)
        json.name("failure")
        write(view.failure, clocks, into: &json)
        json.member("progress", view.progress.rawValue)
        json.member("why_not_fresher", view.whyNotFresher.word)
        json.member("detail", view.whyNotFresher.detail)
        json.member("next_call_at", clocks.text(view.nextCallAt))
        json.name("last_calls")
        json.beginArray()
        for call in view.lastCalls { write(call, clocks, into: &json) }
        json.endArray()
        json.name("budget_left")
        write(view.budgetLeft, into: &json)
        json.name("breaker")
        write(view.breaker, clocks, into: &json)
        json.endObject()
    }

    private static func write(
        _ answer: Explanation.AnswerView?, _ clocks: Clocks, into json: inout JSONWriter
    ) {
        guard let answer else { return json.value(.null) }
        json.beginObject()
        json.member("status", answer.status.rawValue)
        json.member("done", answer.isDone)
        json.member("checked_at", RFC3339.format(answer.checkedAt))
        json.member("age", max(0, (clocks.instant - answer.answeredAt).wholeSeconds))
        json.member("fresh_until", clocks.text(answer.freshUntil))
        json.member("stale_reason", answer.staleReason?.rawValue)
        json.endObject()
    }

    private static func write(
        _ failure: Explanation.FailureView?, _ clocks: Clocks, into json: inout JSONWriter
    ) {
        guard let failure else { return json.value(.null) }
        json.beginObject()
        json.member("outcome", failure.outcome)
        json.member("http_status", failure.httpStatus)
        json.member("times", failure.repeats)
        json.member("at", clocks.text(failure.at))
        json.endObject()
    }

    static func write(
        _ call: MadeCall, _ clocks: Clocks, into json: inout JSONWriter
    ) {
        json.beginObject()
        json.member("ended_at", clocks.text(call.endedAt))
        json.member("outcome", call.outcome)
        json.member("duration_ms", Int(call.took.nanoseconds / 1_000_000))
        json.member("sent", call.wasSent)
        json.endObject()
    }

    private static func write(_ left: BudgetLeft?, into json: inout JSONWriter) {
        guard let left else { return json.value(.null) }
        json.beginObject()
        json.member("minute", left.minute)
        json.member("day", left.day)
        json.endObject()
    }

    private static func write(
        _ breaker: Explanation.BreakerView, _ clocks: Clocks, into json: inout JSONWriter
    ) {
        json.beginObject()
        json.member("state", breaker.word)
        var until: Instant?
        if case .open(let end) = breaker { until = end }
        json.member("open_until", clocks.text(until))
        json.endObject()
    }
}

extension Duration {
    /// Rounded toward zero.
    fileprivate var wholeSeconds: Int { Int(nanoseconds / 1_000_000_000) }
}
