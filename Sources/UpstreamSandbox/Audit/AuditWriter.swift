// The audit as JSON. Times are in seconds, and points in time count from the audit's start.

import StatusCore

enum AuditWriter {
    /// `GET /sandbox/audit`.
    static func report(_ audit: Audit, now: Instant) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.name("seconds")
        json.value(seconds(now - audit.began))
        json.member("complete", audit.notKept == 0)
        json.member("calls_kept", audit.arrivals.count)
        json.member("calls_kept_max", audit.callsMax)
        json.member("calls_not_kept", audit.notKept)
        for source in API.allCases {
            json.name(source.rawValue)
            write(AuditReport(audit.arrivals, of: source), began: audit.began, to: &json)
        }
        json.endObject()
        return json.bytes
    }

    /// `GET /sandbox/audit/calls`: the arrivals, of one id or of all.
    static func arrivals(_ audit: Audit, id: String?) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("complete", audit.notKept == 0)
        json.name("calls")
        json.beginArray()
        for arrival in audit.arrivals {
            let (kind, arrivalID) = words(arrival.kind)
            guard id == nil || id == arrivalID else { continue }
            json.beginObject()
            json.name("at")
            json.value(seconds(arrival.at - audit.began))
            json.member("source", arrival.source.rawValue)
            json.member("kind", kind)
            json.member("id", arrivalID)
            json.member("outcome", arrival.outcome)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static func write(
        _ report: AuditReport, began: Instant, to json: inout JSONWriter
    ) {
        json.beginObject()
        json.member("calls", report.calls)
        json.member("token_fetches", report.tokenFetches)
        json.member("smallest_gap_seconds", report.smallestGap.map(seconds))
        json.name("busiest_minute")
        json.beginObject()
        json.member("calls", report.busiestMinute)
        json.member("began_at", report.busiestMinuteBegan.map { seconds($0 - began) })
        json.endObject()
        json.name("ids")
        json.beginArray()
        for line in report.lines {
            json.beginObject()
            json.member("id", line.id)
            json.member("calls", line.calls)
            json.member("smallest_gap_seconds", line.smallestGap.map(seconds))
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private static func words(_ kind: Audit.Kind) -> (kind: String, id: String?) {
        switch kind {
        case .look(let id): ("look", id)
        case .token: ("token", nil)
        }
    }

    /// To the microsecond, rounded down, so that a gap never looks wider than it was.
    static func seconds(_ span: Duration) -> JSONValue {
        let microseconds = span.nanoseconds / 1000
        return .number(
            "\(microseconds / 1_000_000)." + SceneID.digits(Int(microseconds % 1_000_000), 6))
    }
}
