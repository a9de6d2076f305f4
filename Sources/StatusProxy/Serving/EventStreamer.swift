// One open event stream: asks the engine for each of its actions repeatedly. Every question
// contains the state that was sent last, so that no change between two questions is lost.

import HTTPWire
import SocketServer
import StatusAPI
import StatusCore

/// Sends states as they arrive, until all actions are done or the reader has gone.
///
/// `@unchecked Sendable`: every stored variable is touched on the queue of the exchange's loop
/// only, where requests, the engine's replies and departures of peers are handled.
final class EventStreamer: @unchecked Sendable {
    private let exchange: Exchange
    private let streams: EventStreams
    private let isPlain: Bool
    private var followed: FollowedActions
    private var context: RequestContext
    /// The questions under way, by their action's index.
    private var asked: [Int: AskedQuestions] = [:]
    /// How long the client waited for the head; nil before that.
    private var beganAfter: Duration?
    private var events = 0
    private var isOver = false

    init(
        _ followed: FollowedActions, isPlain: Bool, _ context: RequestContext,
        _ exchange: Exchange, _ streams: EventStreams
    ) {
        self.followed = followed
        self.isPlain = isPlain
        self.context = context
        self.exchange = exchange
        self.streams = streams
    }

    /// Asks for each action, or answers with `refusal`.
    func open(refusal: ProblemDetails?) {
        var questions: [(index: Int, question: Question)] = []
        for index in 0..<followed.count {
            if refusal == nil, let question = followed.question(at: index) {
                questions.append((index, question))
            } else {
                follow(
                    followed.refuse(
                        refusal ?? .invalidID, at: index, now: context.startedAt,
                        isLast: refusal != nil),
                    index)
            }
        }
        ask(questions)
        endIfOver()
    }

    /// Handles the departure of the peer.
    func abandoned() {
        guard forget() else { return }
        leaveAll()
        log()
    }

    /// Asks again for actions whose rest is over.
    func wake() {
        guard !isOver else { return }
        ask(followed.wake(SystemClock.now()))
        streams.rest(exchange, until: followed.nextWake)
    }

    func drain() {
        guard !isOver else { return }
        followed.drain()
        endIfOver()
    }

    // MARK: Asking, and what comes of it

    /// Asks as one request: the engine alternates between requests, however many questions each
    /// has.
    private func ask(_ questions: [(index: Int, question: Question)]) {
        guard !questions.isEmpty, !isOver else { return }
        let request = streams.engine.ask(questions.map(\.question), trace: context.trace) {
            place, reply in
            let (index, question) = questions[place]
            self.exchange.perform { self.take(reply, to: question, index) }
        }
        for (index, _) in questions { asked[index] = request }
    }

    private func leaveAll() {
        var left: Set<UInt64> = []
        for request in asked.values where left.insert(request.first).inserted {
            streams.engine.leave(request)
        }
    }

    private func take(_ reply: Reply, to question: Question, _ index: Int) {
        guard !isOver else { return }
        asked[index] = nil
        if question.patience.isNone { context.serve(reply, to: question) }
        if let response = plainRefusal(reply, index) { return decline(response) }
        let step = followed.take(
            reply, at: index, clocks: SystemClock.both(), isLast: streams.isDraining)
        follow(step, index)
        endIfOver()
    }

    /// Before the first event a 4xx is answered as on the plain route. A 5xx is not: an
    /// `EventSource` never reconnects after one.
    private func plainRefusal(_ reply: Reply, _ index: Int) -> Response? {
        guard isPlain, beganAfter == nil, case .problem(let problem) = reply,
            let id = followed.question(at: index)?.id
        else { return nil }
        let details = ProblemDetails(problem, id: id)
        guard details.code.status < 500 else { return nil }
        var response = details.response(now: SystemClock.now(), for: streams.caches)
        response.fields.append(AcceptedCoding.vary)
        return response
    }

    private func follow(_ step: FollowedActions.Step, _ index: Int) {
        if let event = step.event {
            guard begins() else { return }
            events += 1
            exchange.send(on: index) { event.content(insteadOf: $0) }
        }
        switch step.next {
        case .ask(let question): if begins() { ask([(index, question)]) }
        case .rest: if begins() { streams.rest(exchange, until: followed.nextWake) }
        case .end: break
        }
    }

    // MARK: Both ends

    /// Begins the stream, unless it has begun; false if it cannot continue.
    private func begins() -> Bool {
        guard beganAfter == nil else { return true }
        guard !isOver else { return false }
        var head = context.fields.preconditions.applied(
            to: EventStream.head, now: context.startedAt)
        guard head.status == EventStream.head.status else {
            decline(head)
            return false
        }
        head.fields.append(Field(name: "X-Request-Id", value: context.requestID.text()))
        beganAfter = SystemClock.now() - context.startedAt
        exchange.beginStream(head)
        guard context.method != .head else {
            end()
            return false
        }
        return true
    }

    /// Ends the stream once all actions have ended.
    private func endIfOver() {
        guard !isOver, asked.isEmpty, followed.isEnded else { return }
        beganAfter == nil ? decline(EventStream.over) : end()
    }

    private func decline(_ response: Response) {
        guard forget() else { return }
        leaveAll()
        exchange.respond(streams.journal.close(context, response))
    }

    private func end() {
        exchange.endStream()
        guard forget() else { return }
        leaveAll()
        log()
    }

    private func forget() -> Bool {
        isOver = true
        guard streams.forget(exchange, actions: followed.count) else { return false }
        context.letGo(questions: followed.questionCount)
        return true
    }

    /// Logs and counts a stream at its end.
    private func log() {
        guard let beganAfter else { return streams.journal.abandoned(context) }
        streams.journal.close(context, status: 200, beganAfter: beganAfter, events: events)
    }
}
