// Open event streams. Each is one question put to the engine again and again: what is it, once it is
// no longer what you were told? Every question names the state told last, so no change is lost
// between two of them.

import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

/// Serves states as they come, until an action is done or its reader is gone.
final class EventStreams: Sendable {
    private struct State: Sendable {
        var streams: [Exchange: Stream] = [:]
        var isDraining = false
    }

    private struct Stream: Sendable {
        let question: Question
        var context: RequestContext
        /// The state that the client has.
        var seen: EntityTag?
        /// The question under way at the engine.
        var asked: AskedQuestions?
        /// How long the client waited for the head; nil before that.
        var beganAfter: Duration?
        var events = 0
    }

    /// Asked anew after that, even if nothing has changed.
    private static let questionSpan = Duration.seconds(3600)

    private let engine: Engine
    private let journal: RequestJournal
    private let caches: CacheScope
    private let state = Guarded(State())

    init(engine: Engine, journal: RequestJournal, caches: CacheScope) {
        self.engine = engine
        self.journal = journal
        self.caches = caches
    }

    var count: Int { state.withLock { $0.streams.count } }

    /// Answers a request with the states of an action: the first now, if the client has not seen it.
    /// The caller's place is taken already; it is given back with the stream's end.
    func open(
        _ question: Question, seen: EntityTag?, _ context: RequestContext, _ exchange: Exchange
    ) {
        let stream = Stream(question: question, context: context, seen: seen)
        state.withLock { $0.streams[exchange] = stream }
        ask(question, context.trace, exchange)
    }

    /// The peer went away, if it had a stream.
    func abandoned(_ exchange: Exchange) {
        guard let stream = forget(exchange) else { return }
        if let asked = stream.asked { engine.leave(asked) }
        tell(stream)
    }

    /// From now on a stream ends with the next word on it; the engine, draining, gives that at once.
    func drain() { state.withLock { $0.isDraining = true } }

    // MARK: Asking, and what comes of it: on the loop's queue, as is the peer's going

    private func ask(_ question: Question, _ trace: TraceParent?, _ exchange: Exchange) {
        let asked = engine.ask([question], trace: trace) { _, reply in
            exchange.perform {
                switch reply {
                case .answer(let answer): self.told(answer, exchange)
                case .problem(let problem): self.refused(problem, exchange)
                }
            }
        }
        state.withLock { $0.streams[exchange]?.asked = asked }
    }

    private func follow(_ stream: Stream, from tag: EntityTag, _ exchange: Exchange) {
        let isOpen = state.withLock { state in
            guard state.streams[exchange] != nil else { return false }
            state.streams[exchange] = stream
            return true
        }
        guard isOpen else { return }
        var question = stream.question
        question.patience = .change(
            from: [tag.value], deadline: SystemClock.now() + Self.questionSpan)
        ask(question, stream.context.trace, exchange)
    }

    // MARK: Telling

    private func told(_ answer: Answer, _ exchange: Exchange) {
        let (found, isDraining) = state.withLock { ($0.streams[exchange], $0.isDraining) }
        guard var stream = found else { return }
        let rendered = RenderedAnswer(answer, clocks: SystemClock.both())
        let isNews = rendered.tag != stream.seen
        if stream.beganAfter == nil {
            stream.context.serve(answer)
            let head = stream.context.fields.preconditions.applied(
                to: EventStream.head, now: stream.context.startedAt)
            guard head.status == EventStream.head.status else {
                return decline(stream, head, exchange)
            }
            guard isNews || !answer.document.isDone else {
                return decline(stream, EventStream.over, exchange)
            }
            begin(&stream, exchange)
            if stream.context.method == .head { return end(stream, exchange) }
        }
        if isNews {
            stream.seen = rendered.tag
            stream.events += 1
            exchange.send { EventStream.event(rendered) }
        }
        guard answer.document.isDone || isDraining else {
            return follow(stream, from: rendered.tag, exchange)
        }
        end(stream, exchange)
    }

    private func begin(_ stream: inout Stream, _ exchange: Exchange) {
        var head = EventStream.head
        head.fields.append(Field(name: "X-Request-Id", value: stream.context.requestID.text()))
        stream.beganAfter = SystemClock.now() - stream.context.startedAt
        exchange.beginStream(head)
    }

    /// Before the first event a problem is told as on the plain route. After it the stream ends, and
    /// who comes back is told then.
    private func refused(_ problem: Problem, _ exchange: Exchange) {
        guard var stream = state.withLock({ $0.streams[exchange] }) else { return }
        guard stream.beganAfter == nil else { return end(stream, exchange) }
        let details = ProblemDetails(problem, id: stream.question.id)
        stream.context.refuse(details)
        var response = details.response(now: SystemClock.now(), for: caches)
        response.fields.append(AcceptedCoding.vary)
        decline(stream, response, exchange)
    }

    private func decline(_ stream: Stream, _ response: Response, _ exchange: Exchange) {
        guard forget(exchange) != nil else { return }
        exchange.respond(journal.close(stream.context, response))
    }

    // MARK: The end

    private func end(_ stream: Stream, _ exchange: Exchange) {
        exchange.endStream()
        if forget(exchange) != nil { tell(stream) }
    }

    private func forget(_ exchange: Exchange) -> Stream? {
        let stream = state.withLock { $0.streams.removeValue(forKey: exchange) }
        stream?.context.letGo(questions: 1)
        return stream
    }

    /// Logs and counts a stream at its end.
    private func tell(_ stream: Stream) {
        guard let beganAfter = stream.beganAfter else { return journal.abandoned(stream.context) }
        journal.close(stream.context, status: 200, beganAfter: beganAfter, events: stream.events)
    }
}
