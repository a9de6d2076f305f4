// From the tracker's answer to the HTTP answer: constant parts are rendered once, parts that depend
// on the time are written per request.

public import HTTPWire
public import StatusCore

/// The same moment on two clocks.
public struct Clocks: Sendable {
    public var instant: Instant
    public var wall: WallTime

    public init(instant: Instant, wall: WallTime) {
        self.instant = instant
        self.wall = wall
    }

    public func wall(at instant: Instant) -> WallTime { wall + (instant - self.instant) }
}

/// Which caches may store an answer (RFC 9111 1).
public enum CacheScope: Sendable {
    case shared
    /// Only the caller's own.
    case `private`

    /// The beginning of a Cache-Control field's value.
    var maxAge: StaticString { self == .shared ? "max-age=" : "private, max-age=" }
}

/// An answer ready to be served any number of times.
///
/// The bytes are shared with the tracker: the state's, and those that end the Action.
public struct RenderedAnswer: Sendable {
    @usableFromInline let snapshot: Snapshot
    private let end: AnswerTail

    public init(_ answer: Answer, clocks: Clocks) {
        self.init(Snapshot(answer), clocks: clocks)
    }

    public init(_ snapshot: Snapshot, clocks: @autoclosure () -> Clocks) {
        self.snapshot = snapshot
        end =
            snapshot.tail ?? snapshot.keep(AnswerTail(Self.tail(snapshot.answer, clocks())))
    }

    @inlinable public var answer: Answer { snapshot.answer }
    public var tag: EntityTag { EntityTag(snapshot.answer.document) }
    /// Ends the Action that the state's bytes begin: `,"checked_at":…}`.
    var tail: [UInt8] { end.bytes }
    /// Of the Action.
    private var plainBytes: Int { answer.document.bytes.count - 1 + tail.count }

    /// The Action: the state, and what is known of its freshness.
    public var content: Content {
        var content = Content()
        append(to: &content)
        return content
    }

    /// Appends the Action to an array of Actions or an event. A large state is not copied.
    func append(to content: inout Content) {
        content.append(answer.document.open)
        content.append(tail)
    }

    /// Appends the Action to a gzip member, compressed if the state has been compressed.
    func append(to member: inout GzipMember) {
        let state = answer.document.open
        if let compressed = answer.document.compressed {
            member.append(compressed, of: state.count)
        } else {
            member.append(Array(state))
        }
        member.append(tail)
    }

    // MARK: Compressing

    /// Bytes of the state that have to be compressed before the answer to such a request is
    /// written.
    public func bytesToCompress(for request: RequestFields) -> Int {
        guard isCompressed(for: request.coding), request.preconditions.verdict(tag) == .serve
        else { return 0 }
        return uncompressedBytes
    }

    /// The size of a state that has no compressed form yet; else 0.
    var uncompressedBytes: Int {
        answer.document.compressed == nil ? answer.document.bytes.count : 0
    }

    /// Compresses the state unless that has been done; returns whether it was done now. From any
    /// queue.
    public func compress() -> Bool { answer.document.compress() }

    private func isCompressed(for coding: AcceptedCoding) -> Bool {
        coding.compresses(plainBytes)
    }

    /// Writes 200 with the Action, 304 if the caller has this state already, or 412. `bytes`: those
    /// of the head, if they contain the request id. Returns the status.
    public func write(
        _ request: RequestFields, _ requestID: RequestID, from bytes: Span<UInt8> = Span(),
        preferred: Int? = nil, now: Instant, for caches: CacheScope,
        into writer: inout ResponseWriter
    ) -> Int {
        let verdict = request.preconditions.verdict(tag)
        guard verdict != .failed else {
            var problem = ProblemDetails.preconditionFailed.response(now: now)
            problem.fields.append(AcceptedCoding.vary)
            problem.fields.append(Field(name: "X-Request-Id", value: requestID.text(from: bytes)))
            writer.write(problem)
            return problem.status
        }
        let isKnown = verdict == .notModified
        let status = isKnown ? 304 : 200
        if isCompressed(for: request.coding), let state = answer.document.compressed {
            writer.write(
                status: status, fieldBytesMax: Self.fieldBytesMax, content: state.bytes[...],
                compressedTail(behind: state).span
            ) { appendFields(isKnown, true, preferred, requestID, bytes, now, caches, to: &$0) }
            return status
        }
        writer.write(
            status: status, fieldBytesMax: Self.fieldBytesMax, content: answer.document.open,
            tail.span
        ) { appendFields(isKnown, false, preferred, requestID, bytes, now, caches, to: &$0) }
        return status
    }

    private func compressedTail(behind state: CompressedState) -> [UInt8] {
        if let kept = end.compressed { return kept.bytes }
        let bytes = GzipMember.ending(state, of: answer.document.open.count, tail: tail)
        return end.keep(compressed: AnswerTail(bytes)).bytes
    }

    @inline(__always)
    private func appendFields(
        _ isKnown: Bool, _ isCompressed: Bool, _ preferred: Int?, _ requestID: RequestID,
        _ bytes: Span<UInt8>, _ now: Instant, _ caches: CacheScope,
        to output: inout OutputCursor
    ) {
        output.append("ETag: W/\"")
        output.append(hexadecimal: tag.value)
        appendFreshness(now.nanoseconds, caches, to: &output)
        // RFC 9110 12.5.5: a client that accepts event streams gets one.
        output.append("\r\nVary: Accept, Accept-Encoding\r\n")
        if !isKnown {
            output.append("Content-Type: application/json\r\n")
            if isCompressed { output.append("Content-Encoding: gzip\r\n") }
        }
        if let preferred {
            output.append("Preference-Applied: wait=")
            output.append(decimal: preferred)
            output.endLine()
        }
        output.append("X-Request-Id: ")
        output.append(requestID, from: bytes)
        output.endLine()
    }

    /// The length of the fields with their largest values.
    private static let fieldBytesMax = 512 + RequestID.bytesMax

    // MARK: Fields

    /// No Age field (RFC 9111 5.1): the Action is made here, at Date, and `max-age` counts from then.
    /// Plain numbers: `Duration` counts in 128 bits.
    @inline(__always)
    private func appendFreshness(
        _ now: Int64, _ caches: CacheScope, to output: inout OutputCursor
    ) {
        output.append("\"\r\nCache-Control: ")
        output.append(caches.maxAge)
        if let nextRefreshAt = answer.nextRefreshAt {
            let seconds = Self.secondsRoundedUp(nextRefreshAt.nanoseconds - now)
            output.append(decimal: seconds)
            output.append("\r\nRetry-After: ")
            output.append(decimal: max(1, seconds))
        } else {
            output.append(decimal: Self.secondsRoundedUp(answer.keptUntil.nanoseconds - now))
            output.append(", immutable")
        }
        appendCacheStatus(now, to: &output)
    }

    /// RFC 9211. `ttl` is the answer's remaining freshness in seconds; negative when it is stale.
    @inline(__always)
    private func appendCacheStatus(_ now: Int64, to output: inout OutputCursor) {
        switch answer.service {
        case .hit: output.append("\r\nCache-Status: status-proxy; hit; ttl=")
        case .miss: output.append("\r\nCache-Status: status-proxy; fwd=miss; stored; ttl=")
        case .collapsed: output.append("\r\nCache-Status: status-proxy; fwd=miss; collapsed; ttl=")
        }
        guard let reason = answer.staleReason else {
            let until = (answer.nextRefreshAt ?? answer.keptUntil).nanoseconds
            return output.append(decimal: Int((until - now) / Self.second))
        }
        let until = min(answer.freshUntil.nanoseconds, now)
        output.append(decimal: Int((until - now) / Self.second))
        guard answer.service == .hit else { return }
        output.append("; detail=")
        output.append(reason.rawValue)
    }

    private static let second: Int64 = 1_000_000_000

    private static func secondsRoundedUp(_ nanoseconds: Int64) -> Int {
        max(0, Int((nanoseconds + (second - 1)) / second))
    }

    private static func tail(_ answer: Answer, _ clocks: Clocks) -> [UInt8] {
        var json = JSONWriter(reserving: 160)
        json.beginObject()
        json.member("checked_at", RFC3339.format(answer.checkedAt))
        let nextCheckAt = answer.nextRefreshAt.map { clocks.wall(at: $0) }
        json.member("next_check_at", nextCheckAt.map(RFC3339.format))
        json.member("stale", answer.staleReason != nil)
        json.member("stale_reason", answer.staleReason?.rawValue)
        json.endObject()
        // The members follow those of the state: "{" becomes ",".
        return [UInt8(ascii: ",")] + json.bytes.dropFirst()
    }
}
