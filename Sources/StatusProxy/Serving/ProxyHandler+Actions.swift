// Requests about one action: answered from memory, held for the engine, explained, or followed as a
// stream.

import Dispatch
import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

extension ProxyHandler {
    /// Answers at once from the response cache; false if it has no answer or the request is
    /// unusual.
    func serve(
        _ id: Range<Int>, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
        _ context: inout RequestContext, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Bool {
        guard !context.fields.prefersEvents, let options = try? options(head, bytes, context),
            let found = cached(bytes.extracting(id), options, context)
        else { return false }
        let rendered = RenderedAnswer(found, clocks: SystemClock.both())
        guard rendered.bytesToCompress(for: context.fields) <= Self.compressedAtOnceMax else {
            return false
        }
        context.action = PercentCoding.isEscaped(bytes.extracting(id)) ? .kept(found.id) : .at(id)
        write(found.id, rendered, options, &context, bytes, exchange, &writer)
        return true
    }

    func options(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ context: borrowing RequestContext,
        isBatch: Bool = false
    ) throws(ProblemDetails) -> RequestOptions {
        try QuestionReader.options(
            bytes.extracting(head.query ?? 0..<0), preferredWait: context.fields.preferredWait,
            noneMatch: context.fields.preconditions.noneMatch, limits, now: context.startedAt,
            isBatch: isBatch)
    }

    /// `id`: percent-encoded as received, though hardly ever with an escape.
    private func cached(
        _ id: Span<UInt8>, _ options: RequestOptions, _ context: borrowing RequestContext
    ) -> Snapshot? {
        if let found = responses.answer(
            for: id, options.source, options.patience, now: context.startedAt)
        {
            return found
        }
        guard PercentCoding.isEscaped(id), var id = PercentCoding.decode(id) else { return nil }
        return id.withUTF8 {
            responses.answer(for: $0.span, options.source, options.patience, now: context.startedAt)
        }
    }

    /// Answers a request that the response cache cannot answer.
    func action(
        _ id: ActionID, _ head: borrowing RequestHead, _ bytes: Span<UInt8>,
        _ context: RequestContext,
        _ exchange: Exchange, _ writer: inout ResponseWriter
    ) -> Handling {
        if context.route == .explain {
            let asText = AcceptedType.prefersText(head, bytes)
            return explain(id, asText: asText, context, exchange, &writer)
        }
        let options: RequestOptions
        do throws(ProblemDetails) { options = try self.options(head, bytes, context) } catch {
            return answer(error, context, &writer)
        }
        guard context.route == .action, !context.fields.prefersEvents else {
            return events([id.text], options, context, exchange, &writer)
        }
        return ask(id, options, context, exchange, &writer)
    }

    private func ask(
        _ id: ActionID, _ options: RequestOptions, _ context: RequestContext, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Handling {
        if let refusal = hold(exchange, context) { return answer(refusal, context, &writer) }
        let context = context.held
        var question = context.question(options, id)
        question.cause = context.requestID.text()
        ask([question], context.trace, exchange) { _, reply in
            switch reply {
            case .answer(let answer):
                let rendered = RenderedAnswer(answer, clocks: SystemClock.both())
                self.compress([(id, rendered)], rendered.bytesToCompress(for: context.fields)) {
                    self.answerHeld(exchange) { writer in
                        var context = context
                        self.write(id, rendered, options, &context, Span(), exchange, &writer)
                    }
                }
            case .problem(let problem):
                self.answerHeld(exchange) { writer in
                    var context = context
                    let details = ProblemDetails(problem, id: id)
                    context.refuse(details)
                    let now = SystemClock.now()
                    self.write(
                        details.response(now: now, for: self.limits.caches), context, &writer)
                }
            }
        }
        return .later
    }

    /// Calls `work` once the answers are compressed; large ones are compressed on another queue.
    /// `bytes`: the size of the answers that still have to be compressed.
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

    /// Compressing that much takes 0.15 ms.
    static let compressedAtOnceMax = 16 * 1024

    private func explain(
        _ id: ActionID, asText: Bool, _ context: RequestContext, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Handling {
        if let refusal = hold(exchange, context, questions: 0) {
            return answer(refusal, context, &writer)
        }
        engine.explain(id) { explanation in
            self.answerHeld(exchange) { writer in
                let response = ExplanationWriter.response(
                    explanation, clocks: SystemClock.both(), asText: asText)
                self.write(response, context, &writer)
            }
        }
        return .later
    }

    private func write(
        _ id: @autoclosure () -> ActionID, _ rendered: RenderedAnswer, _ options: RequestOptions,
        _ context: inout RequestContext,
        _ bytes: Span<UInt8>, _ exchange: Exchange, _ writer: inout ResponseWriter
    ) {
        if rendered.bytesToCompress(for: context.fields) > 0 { compress(id(), rendered) }
        let status = rendered.write(
            context.fields, context.requestID, from: bytes,
            preferred: options.waitPreferred, now: SystemClock.now(), for: limits.caches,
            into: &writer)
        context.serve(rendered.answer)
        close(context, from: bytes, status, exchange, writer)
    }

    /// Logs and counts an answer; for a large one, whether the caller got all of it is known only
    /// later.
    func close(
        _ context: borrowing RequestContext, from bytes: Span<UInt8> = Span(), _ status: Int,
        _ exchange: Exchange, _ writer: borrowing ResponseWriter
    ) {
        guard writer.shared.isEmpty else {
            var kept = copy context
            kept.keep(bytes)
            return journal.close(kept, status: status, large: exchange)
        }
        journal.close(context, from: bytes, status: status)
    }

    func events(
        _ ids: [String], _ options: RequestOptions, _ context: RequestContext, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Handling {
        let followed = FollowedActions(
            ids: ids, source: options.source, holder: context.caller?.name,
            cause: context.requestID.text(),
            lastSeen: context.fields.lastSeen)
        if let refusal = context.hold(questions: followed.questionCount) {
            return answer(refusal, context, &writer)
        }
        var context = context.held
        if context.route == .actions { context.actions = followed.count }
        streams.open(followed, isPlain: context.route != .actions, context, exchange)
        return .later
    }

    /// Withdraws all questions of a held request.
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

    /// Takes a place for a request that the engine may hold; returns a problem if its caller has no
    /// place left.
    func hold(
        _ exchange: Exchange, _ context: RequestContext, questions: Int = 1
    ) -> ProblemDetails? {
        if let refusal = context.hold(questions: questions) { return refusal }
        let request = HeldRequest(context: context.held, questions: questions)
        held.withLock { $0[exchange] = request }
        return nil
    }

    /// Releases the place; nil if it has been released already.
    func release(_ exchange: Exchange) -> HeldRequest? {
        guard let request = held.withLock({ $0.removeValue(forKey: exchange) }) else { return nil }
        request.context.letGo(questions: request.questions)
        return request
    }

    func answerHeld(_ exchange: Exchange, _ response: Response, _ context: RequestContext) {
        answerHeld(exchange) { self.write(response, context, &$0) }
    }

    /// A request is held until its answer is written, on the loop that also reports a caller's
    /// departure: only one of the two finds the request, and logs it.
    func answerHeld(
        _ exchange: Exchange, _ write: @escaping @Sendable (inout ResponseWriter) -> Void
    ) {
        exchange.respond { writer in
            _ = self.release(exchange)
            write(&writer)
        }
    }
}
