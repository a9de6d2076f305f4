// From the tracker's answer to the HTTP answer: headers and body of a 200, or a 304.

public import HTTPWire
public import StatusCore

/// Two readings of one moment.
public struct Clocks: Sendable {
    public var instant: Instant
    public var wall: WallTime

    public init(instant: Instant, wall: WallTime) {
        self.instant = instant
        self.wall = wall
    }

    func wall(at instant: Instant) -> WallTime { wall + (instant - self.instant) }
}

public enum AnswerWriter {
    /// 200 with the Action, or 304 when the caller has this state already.
    public static func response(
        _ answer: Answer, condition: TagCondition?, clocks: Clocks
    ) -> Response {
        let tag = EntityTag(answer.document)
        var fields = [Field(name: "ETag", value: tag.text)]
        fields += freshnessFields(answer, now: clocks.instant)
        if let condition, condition.matches(tag) {
            return Response(status: 304, fields: fields)
        }
        fields.append(Field(name: "Content-Type", value: "application/json"))
        return Response(status: 200, fields: fields, body: body(answer, clocks))
    }

    /// The Action: the state, and what is known of its freshness.
    public static func body(_ answer: Answer, _ clocks: Clocks) -> [UInt8] {
        var json = JSONWriter(reserving: answer.document.bytes.count + 160)
        json.beginObject(extending: answer.document.bytes)
        json.member("checked_at", RFC3339.format(answer.checkedAt))
        let nextCheckAt = answer.nextLookAt.map { clocks.wall(at: $0) }
        json.member("next_check_at", nextCheckAt.map(RFC3339.format))
        json.member("stale", answer.staleReason != nil)
        json.member("stale_reason", answer.staleReason?.rawValue)
        json.endObject()
        return json.bytes
    }

    private static func freshnessFields(_ answer: Answer, now: Instant) -> [Field] {
        var fields = [Field(name: "Cache-Control", value: cacheControl(answer, now))]
        if let nextLookAt = answer.nextLookAt {
            let seconds = max(1, (nextLookAt - now).secondsRoundedUp)
            fields.append(Field(name: "Retry-After", value: String(seconds)))
        }
        let age = max(0, (now - answer.answeredAt).nanoseconds / 1_000_000_000)
        fields.append(Field(name: "Age", value: String(age)))
        fields.append(Field(name: "Cache-Status", value: cacheStatus(answer, now)))
        return fields
    }

    private static func cacheControl(_ answer: Answer, _ now: Instant) -> String {
        guard let nextLookAt = answer.nextLookAt else {
            return "max-age=\((answer.keptUntil - now).secondsRoundedUp), immutable"
        }
        return "max-age=\((nextLookAt - now).secondsRoundedUp)"
    }

    /// RFC 9211. `ttl` is what is left of the answer's freshness; negative when it is stale.
    private static func cacheStatus(_ answer: Answer, _ now: Instant) -> String {
        let until =
            answer.staleReason == nil
            ? answer.nextLookAt ?? answer.keptUntil : min(answer.freshUntil, now)
        let ttl = (until - now).nanoseconds / 1_000_000_000
        switch answer.service {
        case .miss: return "status-proxy; fwd=miss; stored; ttl=\(ttl)"
        case .collapsed: return "status-proxy; fwd=miss; collapsed; ttl=\(ttl)"
        case .hit:
            let detail = answer.staleReason.map { "; detail=\($0.rawValue)" } ?? ""
            return "status-proxy; hit; ttl=\(ttl)\(detail)"
        }
    }
}
