// The state machine of one HTTP connection. Bytes come in; steps go out: deliver a request, send a
// 100, collect or drop content, refuse. It has no socket, clock or buffer.

/// Follows one connection from request to request.
///
/// The owner of the bytes calls `advance` until it returns `.needMore`, `.wait` or `.refuse`. Then
/// it calls `keep(_:)`, which returns the bytes that must be at the front when it calls again with
/// more.
public struct ConnectionMachine: Sendable {
    public enum Step: Equatable, Sendable {
        /// Nothing to do until more bytes arrive.
        case needMore
        /// An answer is under way; further bytes wait for `answered()`.
        case wait
        /// Send `100 Continue`.
        case sendContinue
        /// These bytes are content of the request under way: keep or drop them.
        case content(Range<Int>)
        /// The request is complete and described by the head.
        case deliver
        /// Send this answer and close: further bytes on this connection cannot be trusted.
        case refuse(Refusal)
    }

    /// What the connection waits for; each stage has its own time-out.
    public enum Stage: Equatable, Sendable {
        /// Between requests; no byte of the next one has arrived. → head, ended
        case idle
        /// Inside a head. → content, answering, ended
        case head
        /// Inside the content. → answering, ended
        case content
        /// A request was delivered. → idle, head
        case answering
        /// Refused, or closed by the peer.
        case ended
    }

    public private(set) var stage = Stage.idle
    /// The first byte of the current request.
    private var start = 0
    /// The first unread byte.
    private var cursor = 0
    /// The bytes of an unfinished head that have been checked, so that a slow sender costs one
    /// check for each line, not for each byte.
    private var judged = 0
    /// The length of the head whose content is being read.
    private var headBytes = 0
    private var body = BodyReader(.none)
    /// Whether the head's ranges are from an earlier call.
    private var headIsStale = false

    public init() {}

    /// The next step. `bytes` begins with the bytes that `keep(_:)` returned.
    public mutating func advance(
        _ bytes: Span<UInt8>, _ parser: RequestParser, _ head: inout RequestHead
    ) -> Step {
        switch stage {
        case .idle, .head: readHead(bytes, parser, &head)
        case .content: readContent(bytes, parser, &head)
        case .answering: .wait
        case .ended: .needMore
        }
    }

    /// The delivered request has been answered; the next one may be read.
    public mutating func answered() {
        precondition(stage == .answering, "no request was delivered")
        start = cursor
        judged = 0
        stage = .idle
    }

    /// The peer will send no more.
    public mutating func inputEnded() -> Step {
        defer { stage = .ended }
        // RFC 9112 8: a server that receives an incomplete request MAY answer before it closes.
        return stage == .head || stage == .content ? .refuse(.endedEarly) : .needMore
    }

    /// The time-out of the current stage has passed.
    public mutating func timedOut() -> Step {
        defer { stage = .ended }
        // RFC 9110 15.5.9: 408 if a request has begun; an idle connection just ends.
        return stage == .head || stage == .content ? .refuse(.timedOut) : .needMore
    }

    /// The part of `count` bytes that must be kept: the head whose content is being read, and the
    /// unread bytes. From now on positions count from there.
    public mutating func keep(_ count: Int) -> (head: Range<Int>, rest: Range<Int>) {
        let head = stage == .content ? start..<start + headBytes : cursor..<cursor
        let rest = stage == .ended ? count..<count : cursor..<count
        start = 0
        cursor = stage == .content ? headBytes : 0
        headIsStale = true
        return (head, rest)
    }

    // MARK: Head

    private mutating func readHead(
        _ bytes: Span<UInt8>, _ parser: RequestParser, _ head: inout RequestHead
    ) -> Step {
        guard bytes.count > start else { return .needMore }
        guard stage == .idle || mayJudge(bytes, parser.limits) else { return .needMore }
        stage = .head
        switch parser.parse(bytes, from: start, into: &head) {
        case .needMore:
            judged = bytes.count - start
            return .needMore
        case .refused(let refusal):
            return refuse(refusal)
        case .request(let consumed):
            // RFC 9110 9.1: 501 for an unknown method, whatever the target is.
            guard head.method != .other else { return refuse(.methodUnknown) }
            cursor = start + consumed
            headBytes = consumed
            headIsStale = false
            return beginContent(bytes, parser, &head)
        }
    }

    /// Whether there are new bytes that can change the verdict: the end of a line, or too many
    /// bytes.
    private func mayJudge(_ bytes: Span<UInt8>, _ limits: WireLimits) -> Bool {
        let count = bytes.count - start
        if count >= limits.headBytesMax - 1 { return true }
        let lineMax = limits.requestLineBytesMax + 2 * limits.leadingEmptyLinesMax
        if judged <= lineMax, count > lineMax { return true }
        for index in start + judged..<bytes.count where bytes[index] == .lineFeed { return true }
        return false
    }

    private mutating func refuse(_ refusal: Refusal) -> Step {
        stage = .ended
        return .refuse(refusal)
    }

    // MARK: Content

    private mutating func beginContent(
        _ bytes: Span<UInt8>, _ parser: RequestParser, _ head: inout RequestHead
    ) -> Step {
        guard head.framing != .none else {
            stage = .answering
            return .deliver
        }
        if case .length(let length) = head.framing, length > parser.limits.contentBytesMax {
            return refuse(.contentTooLarge)
        }
        body = BodyReader(head.framing)
        stage = .content
        // RFC 9110 10.1.1: no 100 is needed once content has begun to arrive.
        if head.expectsContinue, cursor == bytes.count { return .sendContinue }
        return readContent(bytes, parser, &head)
    }

    private mutating func readContent(
        _ bytes: Span<UInt8>, _ parser: RequestParser, _ head: inout RequestHead
    ) -> Step {
        do throws(Refusal) {
            switch try body.next(bytes, &cursor, parser.limits) {
            case .needMore:
                return .needMore
            case .content(let range):
                return .content(range)
            case .finished:
                if headIsStale {
                    // The kept bytes of a head that was valid before: it is valid again.
                    _ = parser.parse(bytes, from: start, into: &head)
                }
                stage = .answering
                return .deliver
            }
        } catch {
            return refuse(error)
        }
    }
}
