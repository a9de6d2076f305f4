// From a parsed request to its answer: routes, asks the response cache or the engine, writes, logs,
// counts.

import Dispatch
import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

/// Answers every request of the service.
final class ProxyHandler: RequestHandler {
    let engine: Engine
    let responses: ResponseCache
    let limits: APILimits
    private let health: Health
    private let callers: CallerGate?
    private let browsers: BrowserPolicy
    let journal: RequestJournal
    let streams: EventStreams
    private let scrapes: ScrapeDesk
    private let kinds: PerSource<String>
    /// Compresses one state at a time: a large one would delay a loop's other connections too much.
    let compressing = DispatchQueue(label: "status-proxy.compressing")
    /// Requests that the engine holds; they are withdrawn when their caller goes away.
    let held = Guarded<[Exchange: HeldRequest]>([:])

    struct HeldRequest: Sendable {
        let context: RequestContext
        /// The number of questions in the caller's place.
        let questions: Int
        /// The request's questions at the engine.
        var asked: [AskedQuestions] = []
    }

    init(
        engine: Engine, responses: ResponseCache, limits: APILimits, health: Health,
        callers: CallerGate?, browsers: BrowserPolicy, journal: RequestJournal,
        streams: EventStreams, kinds: PerSource<String>
    ) {
        self.kinds = kinds
        self.engine = engine
        self.responses = responses
        self.limits = limits
        self.health = health
        self.callers = callers
        self.browsers = browsers
        self.journal = journal
        self.streams = streams
        scrapes = ScrapeDesk {
            journal.metricsText(
                engine.figures, streams: streams.count, storeIsUp: health.isStoreWell,
                callers: callers?.requestCounts ?? [])
        }
    }

    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling {
        let destination = Router.destination(of: head, bytes)
        var context = RequestContext(head, bytes, destination.route, exchange)
        if journal.logsPeer { context.peer = exchange.peer?.text }
        let refusal = refusal(of: head, bytes, &context, exchange, &writer)
        if refusal == nil, destination.route == .action, let place = destination.id,
            serve(place, head, bytes, &context, exchange, &writer)
        {
            return .answered
        }
        context.keep(bytes)
        if let refusal { return answer(refusal, context, &writer) }
        let id = destination.actionID(in: bytes)
        context.action = id.map(AskedAction.kept)
        guard id != nil || destination.id == nil else {
            return answer(.invalidID, context, &writer)
        }
        switch destination.route {
        case .action, .events, .explain:
            guard let id else { return answer(.invalidID, context, &writer) }
            return action(id, head, bytes, context, exchange, &writer)
        case .actions: return batch(head, bytes, context, exchange, &writer)
        case .live:
            return answer(
                HealthWriter.answer(health.liveness, to: context.method), context, &writer)
        case .ready:
            return answer(
                HealthWriter.answer(health.readiness, to: context.method), context, &writer)
        case .metrics: return metrics(context, exchange, &writer)
        case .sources: return sources(context, exchange, &writer)
        case .openAPI: return answer(EmbeddedFiles.openAPI, context, &writer)
        case .page: return answer(EmbeddedFiles.page, context, &writer)
        case .options:
            let allow = Field(name: "Allow", value: Router.allowed)
            return answer(Response(status: 204, fields: [allow]), context, &writer)
        case .unknown: return answer(.routeNotFound, context, &writer)
        case .notAllowed: return answer(.methodNotAllowed, context, &writer)
        }
    }

    /// The refusal of a request before it is read any further; nil for nearly all. A caller that
    /// may not ask does not learn about mistakes in its request.
    private func refusal(
        of head: borrowing RequestHead, _ bytes: Span<UInt8>, _ context: inout RequestContext,
        _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> ProblemDetails? {
        if head.hasBrowserMark, let refusal = browsers.refusal(of: head, bytes) { return refusal }
        guard let callers, Router.isGuarded(head, bytes) else { return nil }
        let admission = context.fields.key.map {
            callers.admit(bytes.extracting($0), now: context.startedAt, shard: context.shard)
        }
        switch admission ?? .unknown {
        case .admitted(let caller):
            context.caller = caller
            return nil
        case .unknown:
            guard let retryAt = callers.refuse(exchange.peer, now: context.startedAt) else {
                return .unauthorized
            }
            // Each further attempt, and so each log line, needs a new connection.
            writer.closeConnection()
            return .tooManyFailedKeys(retryAt: retryAt)
        case .tooMany(let caller, let retryAt):
            context.caller = caller
            return .tooManyRequests(caller.name, retryAt: retryAt)
        }
    }

    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool {
        Router.isHealthCheck(head, bytes)
    }

    func abandoned(_ exchange: Exchange) {
        if let request = release(exchange) {
            for asked in request.asked { engine.leave(asked) }
            journal.abandoned(request.context)
        }
        streams.abandoned(exchange)
    }

    // MARK: Writing

    func answer(
        _ response: Response, _ context: RequestContext, _ writer: inout ResponseWriter
    ) -> Handling {
        write(response, context, &writer)
        return .answered
    }

    func write(_ response: Response, _ context: RequestContext, _ writer: inout ResponseWriter) {
        var response = conditional(response, context)
        if context.route.isNegotiated, !response.fields.contains(AcceptedCoding.vary) {
            response.fields.append(AcceptedCoding.vary)
        }
        writer.write(journal.close(context, response))
    }

    func answer(
        _ problem: ProblemDetails, _ context: RequestContext, _ writer: inout ResponseWriter
    ) -> Handling {
        var context = context
        context.problem = problem.code
        return answer(problem.response(now: context.startedAt), context, &writer)
    }

    /// Applies the preconditions to an answer other than an Action, which has a tag.
    private func conditional(_ response: Response, _ context: RequestContext) -> Response {
        context.fields.preconditions.applied(to: response, now: context.startedAt)
    }

    private func sources(
        _ context: RequestContext, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Handling {
        if let refusal = hold(exchange, context, questions: 0) {
            return answer(refusal, context, &writer)
        }
        engine.overview { overviews in
            self.answerHeld(exchange) { writer in
                let reports = self.journal.report(overviews, kinds: self.kinds)
                let response = SourcesWriter.response(reports, clocks: SystemClock.both())
                self.write(response, context, &writer)
            }
        }
        return .later
    }

    private func metrics(
        _ context: RequestContext, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Handling {
        if let refusal = hold(exchange, context, questions: 0) {
            return answer(refusal, context, &writer)
        }
        scrapes.ask { text in
            let fields = [
                Field(name: "Content-Type", value: "text/plain; version=0.0.4; charset=utf-8"),
                Field(name: "Cache-Control", value: "no-store"),
            ]
            self.answerHeld(exchange, Response(status: 200, fields: fields, body: text), context)
        }
        return .later
    }
}
