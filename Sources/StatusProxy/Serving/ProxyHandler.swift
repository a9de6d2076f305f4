// From a parsed request to its answer: routes, asks the board or the engine, writes, logs, counts.

import Dispatch
import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

/// Answers every request of the service.
final class ProxyHandler: RequestHandler {
    private let engine: Engine
    private let board: AnswerBoard
    private let limits: APILimits
    private let health: Health
    private let callers: CallerGate?
    private let browsers: BrowserPolicy
    private let journal: RequestJournal
    private let streams: EventStreams
    /// Requests that the engine holds, so that it can be told when a caller goes away.
    private let held = Guarded<[Exchange: HeldRequest]>([:])

    private struct HeldRequest: Sendable {
        let visit: Visit
        /// How many questions the caller's place is for.
        let questions: Int
        /// Its questions, by their names at the engine.
        var callers: [CallerID] = []
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
    }

    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling {
        var visit = Visit(head, bytes, lane: exchange.loopIndex, number: exchange.id)
        let destination = Router.destination(of: head, bytes)
        visit.route = destination.route
        if head.hasBrowserMark, let refusal = browsers.refusal(of: head, bytes) {
            return answer(refusal, visit, &writer)
        }
        // Who may not ask is not told what is wrong with the question either.
        if let callers, Router.isGuarded(head, bytes) {
            switch callers.admission(by: visit.fields.key, in: bytes, visit) {
            case .admitted(let caller): visit.caller = caller
            case .unknown: return answer(.unauthorized, visit, &writer)
            case .tooMany(let caller, let retryAt):
                let problem = ProblemDetails.tooManyRequests(caller.name, retryAt: retryAt)
                return answer(problem, visit, &writer)
            }
        }
        switch destination.route {
        case .action, .events, .explain:
            return action(destination, head, bytes, &visit, exchange, &writer)
        case .actions: return batch(bytes.extracting(head.query ?? 0..<0), visit, exchange, &writer)
        case .live:
            return answer(HealthWriter.answer(health.liveness, to: visit.method), visit, &writer)
        case .ready:
            return answer(HealthWriter.answer(health.readiness, to: visit.method), visit, &writer)
        case .metrics: return metrics(visit, exchange)
        case .openAPI: return answer(EmbeddedFiles.openAPI, visit, &writer)
        case .page: return answer(EmbeddedFiles.page, visit, &writer)
        case .options:
            let allow = Field(name: "Allow", value: Router.allowed)
            return answer(Response(status: 204, fields: [allow]), visit, &writer)
        case .unknown: return answer(.routeNotFound, visit, &writer)
        case .notAllowed: return answer(.methodNotAllowed, visit, &writer)
        }
    }

    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool {
        Router.isHealthCheck(head, bytes)
    }

    func abandoned(_ exchange: Exchange) {
        if let request = release(exchange) {
            for caller in request.callers { engine.leave(caller) }
            journal.abandoned(request.visit)
        }
        streams.abandoned(exchange)
    }

    // MARK: Writing

    private func answer(
        _ response: Response, _ visit: Visit, _ writer: inout ResponseWriter
    ) -> Handling {
        writer.write(journal.close(visit, conditional(response, visit)))
        return .answered
    }

    private func answer(
        _ problem: ProblemDetails, _ visit: Visit, _ writer: inout ResponseWriter
    ) -> Handling {
        var visit = visit
        visit.problem = problem.code
        return answer(problem.response(now: visit.startedAt), visit, &writer)
    }

    private func answer(_ response: Response, _ visit: Visit, _ exchange: Exchange) {
        exchange.respond(journal.close(visit, conditional(response, visit)))
    }

    /// Every answer but an Action, which has a tag, is held against the preconditions here.
    private func conditional(_ response: Response, _ visit: Visit) -> Response {
        visit.fields.preconditions.applied(to: response, now: visit.startedAt)
    }

    private func metrics(_ visit: Visit, _ exchange: Exchange) -> Handling {
        engine.census { stored, waiting in
            let text = self.journal.metricsText(
                stored: stored, waiting: waiting, streams: self.streams.count,
                storeIsUp: self.health.isStoreWell, configured: self.limits.configured)
            let fields = [
                Field(name: "Content-Type", value: "text/plain; version=0.0.4; charset=utf-8"),
                Field(name: "Cache-Control", value: "no-store"),
            ]
            self.answer(Response(status: 200, fields: fields, body: text), visit, exchange)
        }
        return .later
    }
}

// MARK: - Actions

extension ProxyHandler {
    /// What stands on the board is answered here and now.
    private func action(
        _ destination: Destination, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
        _ visit: inout Visit, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Handling {
        let wish: Wish
        do throws(ProblemDetails) {
            let query = bytes.extracting(head.query ?? 0..<0)
            wish = try QuestionReader.wish(query, visit.fields, limits, now: visit.startedAt)
        } catch {
            let isID = destination.actionID(in: bytes) != nil
            return answer(isID ? error : .invalidID, visit, &writer)
        }
        let isPlain = destination.route == .action && !visit.fields.prefersEvents
        if isPlain, let found = boarded(bytes.extracting(destination.id), wish, visit) {
            write(found.rendered, wish, &visit, exchange, &writer)
            return .answered
        }
        guard let id = destination.actionID(in: bytes) else {
            return answer(.invalidID, visit, &writer)
        }
        if destination.route == .explain { return explain(id, visit, exchange) }
        guard isPlain else { return events(id, wish, visit, exchange, &writer) }
        return ask(id, wish, visit, exchange, &writer)
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

    private func ask(
        _ id: ActionID, _ wish: Wish, _ visit: Visit, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Handling {
        if let refusal = hold(exchange, visit) { return answer(refusal, visit, &writer) }
        ask(visit.question(wish, id), visit.trace, exchange) { reply in
            var visit = visit
            switch reply {
            case .answer(let answer):
                let rendered = RenderedAnswer(answer, clocks: SystemClock.both())
                self.answerHeld(exchange) { [visit] writer in
                    var visit = visit
                    self.write(rendered, wish, &visit, exchange, &writer)
                }
            case .problem(let problem):
                let details = ProblemDetails(problem, id: id)
                let response = details.response(now: SystemClock.now(), for: self.limits.caches)
                visit.refuse(details)
                self.answerHeld(exchange, response, visit)
            }
        }
        return .later
    }

    private func explain(_ id: ActionID, _ visit: Visit, _ exchange: Exchange) -> Handling {
        engine.explain(id) { explanation in
            let response = ExplanationWriter.response(explanation, clocks: SystemClock.both())
            self.answer(response, visit, exchange)
        }
        return .later
    }

    private func write(
        _ rendered: RenderedAnswer, _ wish: Wish, _ visit: inout Visit, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) {
        let status = rendered.write(
            visit.fields.preconditions, requestID: visit.fields.requestID,
            preferred: wish.waitPreferred,
            now: SystemClock.now(), for: limits.caches, into: &writer)
        visit.serve(rendered.answer)
        guard writer.shared.isEmpty else {
            return journal.close(visit, status: status, large: exchange)
        }
        journal.close(visit, status: status)
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

    private func batch(
        _ query: Span<UInt8>, _ visit: Visit, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Handling {
        let batch: Batch
        do throws(ProblemDetails) {
            batch = Batch(
                ids: try QuestionReader.batchIDs(query),
                wish: try QuestionReader.wish(
                    query, visit.fields, limits, now: visit.startedAt, isBatch: true),
                visit: visit, exchange: exchange)
        } catch {
            return answer(error, visit, &writer)
        }
        let places = batch.ids.count { text in
            guard let id = ActionID(text) else { return false }
            return board.answer(to: visit.question(batch.wish, id), now: visit.startedAt) == nil
        }
        if let refusal = hold(exchange, visit, questions: places) {
            return answer(refusal, visit, &writer)
        }
        if batch.wish.waitsForAny {
            gather(batch, .none) { self.follow($0, batch) }
        } else {
            gather(batch, batch.wish.patience) { self.answerHeld($0, batch) }
        }
        return .later
    }

    /// Asks for every id of a batch.
    private func gather(
        _ batch: Batch, _ patience: Question.Patience,
        done: @escaping @Sendable ([BatchItem]) -> Void
    ) {
        let collector = BatchCollector(batch.ids, done: done)
        for (index, text) in batch.ids.enumerated() {
            guard let id = ActionID(text) else {
                collector.take(index, .failure(.invalidID))
                continue
            }
            var question = batch.visit.question(batch.wish, id)
            question.patience = patience
            if let found = board.answer(to: question, now: SystemClock.now()) {
                collector.take(index, .success(found.answer))
                continue
            }
            ask(question, batch.visit.trace, batch.exchange) { reply in
                switch reply {
                case .answer(let answer): collector.take(index, .success(answer))
                case .problem(let problem):
                    collector.take(index, .failure(ProblemDetails(problem, id: id)))
                }
            }
        }
    }

    /// Holds a batch until one of its actions has another state than in `items`, unless the caller
    /// knows less than that already. Whichever reply comes first ends it, also at the deadline.
    private func follow(_ items: [BatchItem], _ batch: Batch) {
        guard case .change(let known, let deadline) = batch.wish.patience,
            known?.contains(EntityTag(items).value) ?? true, SystemClock.now() < deadline
        else { return answerHeld(items, batch) }
        let questions = items.compactMap { item -> Question? in
            guard case .success(let answer) = item.result, !answer.document.isDone,
                let id = ActionID(item.id)
            else { return nil }
            var question = batch.visit.question(batch.wish, id)
            question.patience = .change(from: [answer.document.tag], deadline: deadline)
            return question
        }
        guard !questions.isEmpty else { return answerHeld(items, batch) }
        let isOver = Guarded(false)
        for question in questions {
            ask(question, batch.visit.trace, batch.exchange, unless: isOver) { _ in
                let isFirst = isOver.withLock { isOver in
                    defer { isOver = true }
                    return !isOver
                }
                guard isFirst else { return }
                self.leaveAll(batch.exchange)
                self.gather(batch, .none) { self.answerHeld($0, batch) }
            }
        }
    }

    private func answerHeld(_ items: [BatchItem], _ batch: Batch) {
        var response = BatchWriter.response(
            items, batch.visit.fields.preconditions, clocks: SystemClock.both(), for: limits.caches)
        if let field = batch.wish.preferenceApplied { response.fields.append(field) }
        var visit = batch.visit
        visit.savedCalls = items.count { item in
            (try? item.result.get()).map { $0.service != .miss } ?? false
        }
        answerHeld(batch.exchange, response, visit)
    }

    /// Takes all questions of a held request back.
    private func leaveAll(_ exchange: Exchange) {
        let callers = held.withLock { held in
            defer { held[exchange]?.callers = [] }
            return held[exchange]?.callers ?? []
        }
        for caller in callers { engine.leave(caller) }
    }

    private func ask(
        _ question: Question, _ trace: TraceParent?, _ exchange: Exchange,
        unless isOver: Guarded<Bool>? = nil, reply: @escaping @Sendable (Reply) -> Void
    ) {
        engine.ask(
            question, trace: trace,
            began: { caller in
                let isHeld = self.held.withLock { held in
                    held[exchange]?.callers.append(caller)
                    return held[exchange] != nil
                }
                if !isHeld || isOver?.withLock({ $0 }) ?? false { self.engine.leave(caller) }
            }, reply: reply)
    }

    /// Takes a place for a request that the engine may hold; returns the problem that its caller has
    /// no place left.
    private func hold(
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

    private func answerHeld(_ exchange: Exchange, _ response: Response, _ visit: Visit) {
        answerHeld(exchange) {
            $0.write(self.journal.close(visit, self.conditional(response, visit)))
        }
    }

    /// A request is held until its answer is written, on the loop that also tells of a caller's going:
    /// only one of the two finds it, and leaves its line.
    private func answerHeld(
        _ exchange: Exchange, _ write: @escaping @Sendable (inout ResponseWriter) -> Void
    ) {
        exchange.respond { writer in
            _ = self.release(exchange)
            write(&writer)
        }
    }
}

/// A request for many actions.
private struct Batch: Sendable {
    /// As they were given.
    let ids: [String]
    let wish: Wish
    let visit: Visit
    let exchange: Exchange
}

/// Gathers a batch's results, whichever comes first, and hands them on in the order asked.
private final class BatchCollector: Sendable {
    private struct Gathered {
        var results: [Result<Answer, ProblemDetails>?]
        var missing: Int
    }

    private let ids: [String]
    private let gathered: Guarded<Gathered>
    private let done: @Sendable ([BatchItem]) -> Void

    init(_ ids: [String], done: @escaping @Sendable ([BatchItem]) -> Void) {
        self.ids = ids
        gathered = Guarded(
            Gathered(
                results: [Result<Answer, ProblemDetails>?](repeating: nil, count: ids.count),
                missing: ids.count))
        self.done = done
    }

    func take(_ index: Int, _ result: Result<Answer, ProblemDetails>) {
        let whole = gathered.withLock { gathered -> [Result<Answer, ProblemDetails>?]? in
            gathered.results[index] = result
            gathered.missing -= 1
            return gathered.missing == 0 ? gathered.results : nil
        }
        guard let whole else { return }
        done(
            zip(ids, whole).compactMap { id, result in
                result.map { BatchItem(id: id, result: $0) }
            })
    }
}
