// From the tracker's answer to the HTTP answer: what stays the same is rendered once, what depends on
// the moment is written per request.

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

/// Which caches may keep an answer (RFC 9111 1).
public enum CacheScope: Sendable {
    case shared
    /// Only the caller's own.
    case `private`

    /// The beginning of a Cache-Control field's value.
    var maxAge: StaticString { self == .shared ? "max-age=" : "private, max-age=" }
}

/// An answer ready to be served any number of times.
///
/// The state's bytes are shared with the tracker; only what follows them in the Action is its own.
public struct RenderedAnswer: Sendable {
    private let shared: Shared<Answer>
    /// Ends the Action that the state's bytes begin: `,"checked_at":…}`.
    let tail: [UInt8]

    public init(_ answer: Answer, clocks: Clocks) {
        self.init(Shared(answer), clocks: clocks)
    }

    public init(_ shared: Shared<Answer>, clocks: Clocks) {
        self.shared = shared
        let answer = shared.value
        tail = Self.tail(answer, clocks)
    }

    public var answer: Answer { shared.value }
    public var tag: EntityTag { EntityTag(shared.value.document) }

    /// The Action: the state, and what is known of its freshness.
    public var body: [UInt8] { answer.document.bytes.dropLast() + tail }

    /// Writes 200 with the Action, 304 when the caller has this state already, or 412; `finishHead`
    /// may add fields. Returns the status.
    public func write(
        _ preconditions: Preconditions, now: Instant, for caches: CacheScope,
        into writer: inout ResponseWriter, finishHead: (inout ResponseWriter) -> Void
    ) -> Int {
        let verdict = preconditions.verdict(tag)
        guard verdict != .failed else {
            let problem = ProblemDetails.preconditionFailed.response(now: now)
            writer.begin(status: problem.status)
            for field in problem.fields { writer.field(field) }
            finishHead(&writer)
            writer.end(body: problem.body)
            return problem.status
        }
        let isKnown = verdict == .notModified
        writer.begin(status: isKnown ? 304 : 200)
        writer.startField("ETag")
        writer.append("W/\"")
        writer.append(hexadecimal: tag.value)
        writer.append("\"")
        writer.endField()
        writeFreshness(now, caches, into: &writer)
        // RFC 9110 12.5.5: who accepts event streams is answered with one.
        writer.field("Vary", "Accept")
        if !isKnown { writer.field("Content-Type", "application/json") }
        finishHead(&writer)
        guard !isKnown else {
            writer.end()
            return 304
        }
        let state = answer.document.bytes.span
        writer.end(body: state.extracting(droppingLast: 1), tail.span)
        return 200
    }

    // MARK: Fields

    /// No Age field (RFC 9111 5.1): the Action is made here, at Date, and `max-age` counts from then.
    private func writeFreshness(
        _ now: Instant, _ caches: CacheScope, into writer: inout ResponseWriter
    ) {
        writer.startField("Cache-Control")
        writer.append(caches.maxAge)
        if let nextLookAt = answer.nextLookAt {
            let seconds = (nextLookAt - now).secondsRoundedUp
            writer.append(seconds)
            writer.endField()
            writer.field("Retry-After", max(1, seconds))
        } else {
            writer.append((answer.keptUntil - now).secondsRoundedUp)
            writer.append(", immutable")
            writer.endField()
        }
        writeCacheStatus(now, into: &writer)
    }

    /// RFC 9211. `ttl` is what is left of the answer's freshness; negative when it is stale.
    private func writeCacheStatus(_ now: Instant, into writer: inout ResponseWriter) {
        let until =
            answer.staleReason == nil
            ? answer.nextLookAt ?? answer.keptUntil : min(answer.freshUntil, now)
        writer.startField("Cache-Status")
        switch answer.service {
        case .hit: writer.append("status-proxy; hit; ttl=")
        case .miss: writer.append("status-proxy; fwd=miss; stored; ttl=")
        case .collapsed: writer.append("status-proxy; fwd=miss; collapsed; ttl=")
        }
        writer.append((until - now).wholeSeconds)
        if answer.service == .hit, let reason = answer.staleReason {
            writer.append("; detail=")
            writer.append(reason.rawValue)
        }
        writer.endField()
    }

    private static func tail(_ answer: Answer, _ clocks: Clocks) -> [UInt8] {
        var json = JSONWriter(reserving: 160)
        json.beginObject()
        json.member("checked_at", RFC3339.format(answer.checkedAt))
        let nextCheckAt = answer.nextLookAt.map { clocks.wall(at: $0) }
        json.member("next_check_at", nextCheckAt.map(RFC3339.format))
        json.member("stale", answer.staleReason != nil)
        json.member("stale_reason", answer.staleReason?.rawValue)
        json.endObject()
        // Behind the state's members instead of before them: "{" becomes ",".
        return [UInt8(ascii: ",")] + json.bytes.dropFirst()
    }
}

extension Duration {
    /// Rounded toward zero.
    var wholeSeconds: Int { Int(nanoseconds / 1_000_000_000) }
}
