// The actions of one event stream: replies come in, events and the next questions go out. A stream
// of one action is a stream of many with a single entry.

public import HTTPWire
public import StatusCore

/// What an event stream's client has seen of each action, and what is asked next.
public struct FollowedActions: Sendable {
    private var actions: [Followed] = []
    /// The number of actions for which nothing more will be sent.
    private var ended = 0

    private struct Followed: Sendable {
        /// As it was given.
        let id: String
        /// Nil: the text is not an id.
        let question: Question?
        var seen = Seen.nothing
        var isEnded = false
        /// When it is asked for again; nil while a question is under way.
        var restsUntil: Instant?
    }

    private enum Seen: Sendable {
        case nothing
        /// On an earlier stream, after which its freshness may have changed.
        case before(ResumePoint.Part)
        case state(EntityTag, StaleReason?)
        case problem(ProblemDetails, at: Instant)
        case refusal

        var part: ResumePoint.Part {
            switch self {
            case .nothing, .problem: .nothing
            case .before(let part): part
            case .state(let tag, _): .state(tag)
            case .refusal: .refusal
            }
        }
    }

    /// The result of a reply.
    public struct Step: Sendable {
        /// Nil: the client has it already.
        public var event: StreamEvent?
        public var next: Next
    }

    public enum Next: Sendable {
        case ask(Question)
        case rest(until: Instant)
        case end
    }

    /// After this time the question is repeated, even if nothing has changed.
    private static let questionSpan = Duration.seconds(3600)
    /// The least time between two events of the same problem. The least rest is that between two
    /// questions.
    static let problemRepeat = Duration.seconds(10)
    private static let restLeast = Duration.seconds(1)

    /// Each id is followed once, in its first spelling. `lastSeen` is ignored unless it has a part
    /// for each action.
    public init(
        ids: [String], source: Source? = nil, holder: String? = nil, cause: String? = nil,
        lastSeen: ResumePoint? = nil
    ) {
        var given: Set<ActionID> = []
        var refused: Set<String> = []
        for text in ids {
            let id = ActionID(text)
            guard id.map({ given.insert($0).inserted }) ?? refused.insert(text).inserted else {
                continue
            }
            let question = id.map {
                Question(
                    id: $0, source: source, holder: holder, place: ids.count > 1 ? given.count : 0,
                    cause: cause)
            }
            actions.append(Followed(id: text, question: question))
        }
        guard let parts = lastSeen?.parts, parts.count == actions.count else { return }
        for index in actions.indices where parts[index] != .nothing {
            actions[index].seen = .before(parts[index])
        }
    }

    public var count: Int { actions.count }
    /// The number of valid ids.
    public var questionCount: Int { actions.count { $0.question != nil } }
    public var isEnded: Bool { ended == actions.count }

    /// Nil: the text there is not an id.
    public func question(at index: Int) -> Question? { actions[index].question }

    // MARK: Replies

    /// - Parameter isLast: the stream ends after this reply.
    public mutating func take(
        _ reply: Reply, at index: Int, clocks: Clocks, isLast: Bool = false
    ) -> Step {
        switch reply {
        case .answer(let answer):
            take(RenderedAnswer(answer, clocks: clocks), at: index, clocks.instant, isLast)
        case .problem(let problem):
            refuse(
                actions[index].question.map { ProblemDetails(problem, id: $0.id) } ?? .invalidID,
                at: index, now: clocks.instant, isLast: isLast)
        }
    }

    private mutating func take(
        _ rendered: RenderedAnswer, at index: Int, _ now: Instant, _ isLast: Bool
    ) -> Step {
        let reason = rendered.answer.staleReason
        let (tag, known) = (rendered.tag, actions[index].seen)
        actions[index].seen = .state(tag, reason)
        var event: StreamEvent?
        switch known {
        case .before(.state(tag)) where reason == nil, .state(tag, reason): break
        case .before(.state(tag)), .state(tag, _):
            event = .freshness(rendered, of: actions[index].id, resume: resumePoint, now: now)
        default: event = .status(rendered, resume: resumePoint)
        }
        guard !isLast, !rendered.answer.document.isDone,
            var question = actions[index].question
        else { return Step(event: event, next: end(index)) }
        question.patience = .update(from: tag.value, reason, deadline: now + Self.questionSpan)
        return Step(event: event, next: .ask(question))
    }

    /// Reports a problem with an action. A problem without a time to retry ends it.
    public mutating func refuse(
        _ problem: ProblemDetails, at index: Int, now: Instant, isLast: Bool = false
    ) -> Step {
        guard let retryAt = problem.retryAt else {
            let isKnown = actions[index].seen.part == .refusal
            actions[index].seen = .refusal
            let event = StreamEvent.problem(
                problem, of: actions[index].id, resume: resumePoint, now: now)
            return Step(event: isKnown ? nil : event, next: end(index))
        }
        var event: StreamEvent?
        if !isKnown(problem, at: index, now) {
            actions[index].seen = .problem(problem, at: now)
            event = .problem(problem, of: actions[index].id, resume: nil, now: now)
        }
        guard !isLast else { return Step(event: event, next: end(index)) }
        let until = max(retryAt, now + Self.restLeast)
        actions[index].restsUntil = until
        return Step(event: event, next: .rest(until: until))
    }

    private func isKnown(_ problem: ProblemDetails, at index: Int, _ now: Instant) -> Bool {
        guard case .problem(let known, let at) = actions[index].seen else { return false }
        return known.code == problem.code && known.sources == problem.sources
            && now < at + Self.problemRepeat
    }

    private mutating func end(_ index: Int) -> Next {
        if !actions[index].isEnded { ended += 1 }
        actions[index].isEnded = true
        actions[index].restsUntil = nil
        return .end
    }

    private var resumePoint: ResumePoint { ResumePoint(actions.map(\.seen.part)) }

    // MARK: Rests

    /// When the first rest ends.
    public var nextWake: Instant? { actions.compactMap(\.restsUntil).min() }

    /// Ends the rests that are over; returns the questions to ask now.
    public mutating func wake(_ now: Instant) -> [(index: Int, question: Question)] {
        actions.indices.compactMap { index in
            guard let until = actions[index].restsUntil, until <= now,
                let question = actions[index].question
            else { return nil }
            actions[index].restsUntil = nil
            return (index, question)
        }
    }

    /// Ends all actions that rest: nothing is asked again.
    public mutating func drain() {
        for index in actions.indices where actions[index].restsUntil != nil { _ = end(index) }
    }
}

/// One event, ready to be written.
public enum StreamEvent: Sendable {
    case status(RenderedAnswer, resume: ResumePoint)
    case freshness(RenderedAnswer, of: String, resume: ResumePoint, now: Instant)
    case problem(ProblemDetails, of: String, resume: ResumePoint?, now: Instant)

    /// - Parameter unsent: events of the same action that were not sent, and are replaced.
    public func content(insteadOf unsent: Content?) -> Content {
        switch self {
        case .status(let rendered, let resume):
            return EventStream.status(rendered, id: resume.text)
        case .freshness(let rendered, let action, let resume, let now):
            // The state itself may be in `unsent`.
            guard unsent == nil else { return EventStream.status(rendered, id: resume.text) }
            return EventStream.freshness(rendered, of: action, now: now)
        case .problem(let problem, let action, let resume, let now):
            // Resume points of later events count a state in `unsent` as sent.
            var content = unsent ?? Content()
            let event = EventStream.problem(problem, of: action, id: resume?.text, now: now)
            content.append(event.bytes)
            return content
        }
    }
}
