// From a parsed request to its answer: routes, asks the board or the engine, writes, logs, counts.

import Dispatch
import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

/// Answers every request of the service.
final class ProxyHandler: RequestHandler {
    let engine: Engine
    let board: AnswerBoard
    let limits: APILimits
    private let health: Health
    private let callers: CallerGate?
    private let browsers: BrowserPolicy
    let journal: RequestJournal
    private let streams: EventStreams
    private let scrapes: ScrapeDesk
    /// One state after the other: a large one takes longer than a loop's others can wait.
    private let compressing = DispatchQueue(label: "status-proxy.compressing")
    /// Requests that the engine holds, so that it can be told when a caller goes away.
    private let held = Guarded<[Exchange: HeldRequest]>([:])

    private struct HeldRequest: Sendable {
        let visit: Visit
        /// How many questions the caller's place is for.
        let questions: Int
        /// Its questions at the engine.
        var asked: [AskedQuestions] = []
    }

    init(
        engine: Engine, board: AnswerBoard, limits: APILimits, health: Health,
        callers: CallerGate?, browsers: BrowserPolicy, journal: RequestJournal,
        streams: EventStreams
    ) {
        self.engine = engine
        self.board = board
        self.limits = limits
        self.health = health
        self.callers = callers
        self.browsers = browsers
        self.journal = journal
        self.streams = streams
        scrapes = ScrapeDesk {
            journal.metricsText(
                engine.figures, streams: streams.count, storeIsUp: health.isStoreWell,
                configured: limits.configured)
        }
    }

    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling {
        let destination = Router.destination(of: head, bytes)
        var visit = Visit(head, bytes, destination.route, exchange)
        if journal.logsPeer { visit.peer = exchange.peer?.text }
        let refusal = refusal(of: head, bytes, &visit, exchange, &writer)
        if refusal == nil, destination.route == .action, let place = destination.id,
            serve(place, head, bytes, &visit, exchange, &writer)
        {
            return .answered
        }
        visit.keep(bytes)
        if let refusal { return answer(refusal, visit, &writer) }
        let id = destination.actionID(in: bytes)
        guard id != nil || destination.id == nil else { return answer(.invalidID, visit, &writer) }
        switch destination.route {
        case .action, .events, .explain:
            guard let id else { return answer(.invalidID, visit, &writer) }
            return action(id, head, bytes, visit, exchange, &writer)
        case .actions: return batch(head, bytes, visit, exchange, &writer)
        case .live:
            return answer(HealthWriter.answer(health.liveness, to: visit.method), visit, &writer)
        case .ready:
            return answer(HealthWriter.answer(health.readiness, to: visit.method), visit, &writer)
        case .metrics: return metrics(visit, exchange, &writer)
        case .openAPI: return answer(EmbeddedFiles.openAPI, visit, &writer)
        case .page: return answer(EmbeddedFiles.page, visit, &writer)
        case .options:
            let allow = Field(name: "Allow", value: Router.allowed)
            return answer(Response(status: 204, fields: [allow]), visit, &writer)
        case .unknown: return answer(.routeNotFound, visit, &writer)
        case .notAllowed: return answer(.methodNotAllowed, visit, &writer)
        }
    }

    /// Why a request is not even looked at; nil for nearly all. Who may not ask is not told what is wrong
    /// with the question either.
    private func refusal(
        of head: borrowing RequestHead, _ bytes: Span<UInt8>, _ visit: inout Visit,
        _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> ProblemDetails? {
        if head.hasBrowserMark, let refusal = browsers.refusal(of: head, bytes) { return refusal }
        guard let callers, Router.isGuarded(head, bytes) else { return nil }
        let admission = visit.fields.key.map {
            callers.admit(bytes.extracting($0), now: visit.startedAt, lane: visit.lane)
        }
        switch admission ?? .unknown {
        case .admitted(let caller):
            visit.caller = caller
            return nil
        case .unknown:
            guard let retryAt = callers.refuse(exchange.peer, now: visit.startedAt) else {
                return .unauthorized
            }
            // Whoever goes on has to connect anew for each line of the log.
            writer.closeConnection()
            return .tooManyFailedKeys(retryAt: retryAt)
        case .tooMany(let caller, let retryAt):
            return .tooManyRequests(caller.name, retryAt: retryAt)
        }
    }

    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool {
        Router.isHealthCheck(head, bytes)
    }

    func abandoned(_ exchange: Exchange) {
        if let request = release(exchange) {
            for asked in request.asked { engine.leave(asked) }
            journal.abandoned(request.visit)
        }
        streams.abandoned(exchange)
    }

    // MARK: Writing

    func answer(
        _ response: Response, _ visit: Visit, _ writer: inout ResponseWriter
    ) -> Handling {
        write(response, visit, &writer)
        return .answered
    }

    func write(_ response: Response, _ visit: Visit, _ writer: inout ResponseWriter) {
        var response = conditional(response, visit)
        if visit.route.isNegotiated, !response.fields.contains(AcceptedCoding.vary) {
            response.fields.append(AcceptedCoding.vary)
        }
        writer.write(journal.close(visit, response))
    }

    func answer(
        _ problem: ProblemDetails, _ visit: Visit, _ writer: inout ResponseWriter
    ) -> Handling {
        var visit = visit
        visit.problem = problem.code
        return answer(problem.response(now: visit.startedAt), visit, &writer)
    }

    /// Every answer but an Action, which has a tag, is held against the preconditions here.
    private func conditional(_ response: Response, _ visit: Visit) -> Response {
        visit.fields.preconditions.applied(to: response, now: visit.startedAt)
    }

    private func metrics(
        _ visit: Visit, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Handling {
        if let refusal = hold(exchange, visit, questions: 0) {
            return answer(refusal, visit, &writer)
        }
        scrapes.ask { text in
            let fields = [
                Field(name: "Content-Type", value: "text/plain; version=0.0.4; charset=utf-8"),
                Field(name: "Cache-Control", value: "no-store"),
            ]
            self.answerHeld(exchange, Response(status: 200, fields: fields, body: text), visit)
        }
        return .later
    }
}

// MARK: - Actions

extension ProxyHandler {
    /// Answers here and now if the board has an answer; false: it has none, or the question is odd.
    private func serve(
        _ id: Range<Int>, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
        _ visit: inout Visit, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Bool {
        guard !visit.fields.prefersEvents, let wish = try? wish(head, bytes, visit),
            let found = boarded(bytes.extracting(id), wish, visit),
            found.rendered.bytesToCompress(for: visit.fields) <= Self.compressedAtOnceMax
        else { return false }
        write(found.id, found.rendered, wish, &visit, bytes, exchange, &writer)
        return true
    }

    func wish(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ visit: borrowing Visit,
        isBatch: Bool = false
    ) throws(ProblemDetails) -> Wish {
        try QuestionReader.wish(
            bytes.extracting(head.query ?? 0..<0), preferredWait: visit.fields.preferredWait,
            noneMatch: visit.fields.preconditions.noneMatch, limits, now: visit.startedAt,
            isBatch: isBatch)
    }

    /// `id`: percent-encoded, as it came; hardly ever is there an escape in it.
    private func boarded(
        _ id: Span<UInt8>, _ wish: Wish, _ visit: borrowing Visit
    ) -> BoardedAnswer? {
        if let found = board.answer(for: id, wish.source, wish.patience, now: visit.startedAt) {
            return found
        }
        guard PercentCoding.isEscaped(id), var id = PercentCoding.decode(id) else { return nil }
        return id.withUTF8 {
            board.answer(for: $0.span, wish.source, wish.patience, now: visit.startedAt)
        }
    }

    /// What the board had no answer for.
    private func action(
        _ id: ActionID, _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ visit: Visit,
        _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Handling {
        if visit.route == .explain { return explain(id, visit, exchange, &writer) }
        let wish: Wish
        do throws(ProblemDetails) { wish = try self.wish(head, bytes, visit) } catch {
            return answer(error, visit, &writer)
        }
        guard visit.route == .action, !visit.fields.prefersEvents else {
            return events(id, wish, visit, exchange, &writer)
        }
        return ask(id, wish, visit, exchange, &writer)
    }

    private func ask(
        _ id: ActionID, _ wish: Wish, _ visit: Visit, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Handling {
        if let refusal = hold(exchange, visit) { return answer(refusal, visit, &writer) }
        ask([visit.question(wish, id)], visit.trace, exchange) { _, reply in
            switch reply {
            case .answer(let answer):
                let rendered = RenderedAnswer(answer, clocks: SystemClock.both())
                self.compress([(id, rendered)], rendered.bytesToCompress(for: visit.fields)) {
                    self.answerHeld(exchange) { writer in
                        var visit = visit
                        self.write(id, rendered, wish, &visit, Span(), exchange, &writer)
                    }
                }
            case .problem(let problem):
                self.answerHeld(exchange) { writer in
                    var visit = visit
                    let details = ProblemDetails(problem, id: id)
                    visit.refuse(details)
                    let now = SystemClock.now()
                    self.write(
                        details.response(now: now, for: self.limits.caches), visit, &writer)
                }
            }
        }
        return .later
    }

    /// Does `work` when what is too large for that on a loop has been compressed. `bytes`: of those
    /// answers that have no compressed form yet, but should.
    func compress(
        _ answers: [(ActionID, RenderedAnswer)], _ bytes: Int,
        then work: @escaping @Sendable () -> Void
    ) {
        guard bytes > Self.compressedAtOnceMax else { return work() }
        compressing.async {
            for (id, answer) in answers { self.compress(id, answer) }
            work()
        }
    }

    func compress(_ id: ActionID, _ answer: RenderedAnswer) {
        if answer.compress() { engine.compressed(id) }
    }

    /// Takes a loop half a millisecond.
    static let compressedAtOnceMax = 16 * 1024

    private func explain(
        _ id: ActionID, _ visit: Visit, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Handling {
        if let refusal = hold(exchange, visit, questions: 0) {
            return answer(refusal, visit, &writer)
        }
        engine.explain(id) { explanation in
            self.answerHeld(exchange) { writer in
                let response = ExplanationWriter.response(explanation, clocks: SystemClock.both())
                self.write(response, visit, &writer)
            }
        }
        return .later
    }

    private func write(
        _ id: ActionID, _ rendered: RenderedAnswer, _ wish: Wish, _ visit: inout Visit,
        _ bytes: Span<UInt8>, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) {
        if rendered.bytesToCompress(for: visit.fields) > 0 { compress(id, rendered) }
        let status = rendered.write(
            visit.fields, visit.requestID, from: bytes,
            preferred: wish.waitPreferred, now: SystemClock.now(), for: limits.caches,
            into: &writer)
        visit.serve(rendered.answer)
        close(visit, from: bytes, status, exchange, writer)
    }

    /// Whether a caller has got the whole of a large answer shows later.
    func close(
        _ visit: borrowing Visit, from bytes: Span<UInt8> = Span(), _ status: Int,
        _ exchange: Exchange, _ writer: borrowing ResponseWriter
    ) {
        guard writer.shared.isEmpty else {
            var kept = copy visit
            kept.keep(bytes)
            return journal.close(kept, status: status, large: exchange)
        }
        journal.close(visit, from: bytes, status: status)
    }

    private func events(
        _ id: ActionID, _ wish: Wish, _ visit: Visit, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Handling {
        let question = Question(id: id, source: wish.source, holder: visit.caller?.name)
        if let refusal = visit.hold(questions: 1) { return answer(refusal, visit, &writer) }
        streams.open(question, seen: visit.fields.lastSeen, visit, exchange)
        return .later
    }

    /// Takes all questions of a held request back.
    func leaveAll(_ exchange: Exchange) {
        let asked = held.withLock { held in
            defer { held[exchange]?.asked = [] }
            return held[exchange]?.asked ?? []
        }
        for asked in asked { engine.leave(asked) }
    }

    func ask(
        _ questions: [Question], _ trace: TraceParent?, _ exchange: Exchange,
        unless isOver: Guarded<Bool>? = nil,
        reply: @escaping @Sendable (_ index: Int, Reply) -> Void
    ) {
        let asked = engine.ask(questions, trace: trace, reply: reply)
        let isHeld = held.withLock { held in
            held[exchange]?.asked.append(asked)
            return held[exchange] != nil
        }
        if !isHeld || isOver?.withLock({ $0 }) ?? false { engine.leave(asked) }
    }

    /// Takes a place for a request that the engine may hold; returns the problem that its caller has
    /// no place left.
    func hold(
        _ exchange: Exchange, _ visit: Visit, questions: Int = 1
    ) -> ProblemDetails? {
        if let refusal = visit.hold(questions: questions) { return refusal }
        held.withLock { $0[exchange] = HeldRequest(visit: visit, questions: questions) }
        return nil
    }

    /// Gives the place back; nil when it has been given back already.
    private func release(_ exchange: Exchange) -> HeldRequest? {
        guard let request = held.withLock({ $0.removeValue(forKey: exchange) }) else { return nil }
        request.visit.letGo(questions: request.questions)
        return request
    }

    func answerHeld(_ exchange: Exchange, _ response: Response, _ visit: Visit) {
        answerHeld(exchange) { self.write(response, visit, &$0) }
    }

    /// A request is held until its answer is written, on the loop that also tells of a caller's going:
    /// only one of the two finds it, and leaves its line.
    func answerHeld(
        _ exchange: Exchange, _ write: @escaping @Sendable (inout ResponseWriter) -> Void
    ) {
        exchange.respond { writer in
            _ = self.release(exchange)
            write(&writer)
        }
    }
}
