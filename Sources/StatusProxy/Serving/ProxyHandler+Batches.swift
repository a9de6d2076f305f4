// Requests for many actions: cached answers are taken, the rest is asked for, and all are written
// in the order asked.

import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

extension ProxyHandler {
    func batch(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ context: RequestContext,
        _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Handling {
        let (ids, options): ([String], RequestOptions)
        do throws(ProblemDetails) {
            ids = try QuestionReader.batchIDs(bytes.extracting(head.query ?? 0..<0))
            options = try self.options(head, bytes, context, isBatch: true)
        } catch {
            return answer(error, context, &writer)
        }
        guard !context.fields.prefersEvents else {
            return events(ids, options, context, exchange, &writer)
        }
        var context = context
        context.actions = ids.count
        var batch = Batch(ids: ids, options: options, context: context, exchange: exchange)
        let patience = batch.options.waitsForAny ? .none : batch.options.patience
        let (found, missing) = cached(for: batch, patience)
        // A batch that is completely cached is answered at once.
        if missing.isEmpty, !mustFollow(found, batch),
            batch.bytesToCompress(found) <= Self.compressedAtOnceMax
        {
            write(found, batch, &writer)
            return .answered
        }
        let places = cached(for: batch, batch.options.patience).missing.count
        if let refusal = hold(exchange, context, questions: places) {
            return answer(refusal, context, &writer)
        }
        batch.context.isHeld = true
        guard !missing.isEmpty else {
            goOn(found, batch)
            return .later
        }
        gather(batch, found, missing) { [batch] in self.goOn($0, batch) }
        return .later
    }

    private func goOn(_ results: BatchResults, _ batch: Batch) {
        guard mustFollow(results, batch) else { return answerHeld(results, batch) }
        follow(results, batch)
    }

    /// The cached answers, and the questions for the rest: each id is asked for once, however often
    /// it was given.
    private func cached(
        for batch: Batch, _ patience: Question.Patience
    ) -> (found: BatchResults, missing: [Question]) {
        let now = SystemClock.now()
        var found: BatchResults = [:]
        var missing: [Question] = []
        for id in batch.distinctIDs {
            var question = batch.context.question(batch.options, id)
            question.patience = patience
            question.place = missing.count + 1
            if let rendered = responses.answer(to: question, now: now) {
                found[id] = .success(rendered)
            } else {
                question.cause = batch.cause
                missing.append(question)
            }
        }
        if missing.count == 1 { missing[0].place = 0 }
        return (found, missing)
    }

    /// Asks for the missing answers, of which there is at least one. `done` is called on the loop
    /// of the batch's exchange.
    private func gather(
        _ batch: Batch, _ found: BatchResults, _ missing: [Question],
        done: @escaping @Sendable (BatchResults) -> Void
    ) {
        let gathered = Guarded(
            GatheredReplies(
                replies: [Reply?](repeating: nil, count: missing.count), owed: missing.count))
        ask(missing, batch.context.trace, batch.exchange) { index, reply in
            guard let replies = gathered.withLock({ $0.take(reply, at: index) }) else { return }
            batch.exchange.perform { done(found.adding(replies, to: missing)) }
        }
    }

    /// Whether a batch waits for the first change, and its caller has all current states.
    private func mustFollow(_ results: BatchResults, _ batch: Batch) -> Bool {
        guard batch.options.waitsForAny,
            case .change(let known, let deadline) = batch.options.patience,
            known?.contains(EntityTag(batch.items(results)).value) ?? true,
            SystemClock.now() < deadline
        else { return false }
        return results.values.contains { result in
            (try? result.get()).map { !$0.answer.document.isDone } ?? false
        }
    }

    /// Holds a batch until one of its actions has another state than in `results`. The first reply
    /// ends the wait, at the latest at the deadline.
    private func follow(_ results: BatchResults, _ batch: Batch) {
        guard case .change(_, let deadline) = batch.options.patience else { return }
        let questions = batch.distinctIDs.compactMap { id -> Question? in
            guard case .success(let rendered) = results[id], !rendered.answer.document.isDone
            else { return nil }
            var question = batch.context.question(batch.options, id)
            question.patience = .change(from: [rendered.answer.document.tag], deadline: deadline)
            question.cause = batch.cause
            return question
        }
        let isOver = Guarded(false)
        ask(questions, batch.context.trace, batch.exchange, unless: isOver) { _, _ in
            let isFirst = isOver.withLock { isOver in
                defer { isOver = true }
                return !isOver
            }
            guard isFirst else { return }
            batch.exchange.perform {
                self.leaveAll(batch.exchange)
                let (found, missing) = self.cached(for: batch, .none)
                guard !missing.isEmpty else { return self.answerHeld(found, batch) }
                self.gather(batch, found, missing) { self.answerHeld($0, batch) }
            }
        }
    }

    private func answerHeld(_ results: BatchResults, _ batch: Batch) {
        let answers = results.compactMap { id, result in (try? result.get()).map { (id, $0) } }
        compress(answers, batch.bytesToCompress(results)) {
            self.answerHeld(batch.exchange) { self.write(results, batch, &$0) }
        }
    }

    private func write(
        _ results: BatchResults, _ batch: Batch, _ writer: inout ResponseWriter
    ) {
        let items = batch.items(results)
        let clocks = SystemClock.both()
        var context = batch.context
        var response = BatchWriter.response(
            items, context.fields.preconditions, clocks: clocks, for: limits.caches)
        if let field = batch.options.preferenceApplied { response.fields.append(field) }
        context.save(items, results.values)
        guard response.status == 200 else { return write(response, context, &writer) }
        let isCompressed = BatchWriter.isCompressed(items, for: context.fields)
        if isCompressed {
            for case (let id, .success(let rendered)) in results { compress(id, rendered) }
            response.fields.append(AcceptedCoding.field)
        }
        response.fields.append(Field(name: "X-Request-Id", value: context.requestID.text()))
        writer.write(
            response,
            content: BatchWriter.content(items, clocks: clocks, isCompressed: isCompressed))
        close(context, response.status, batch.exchange, writer)
    }
}

/// A request for many actions.
private struct Batch: Sendable {
    /// As they were given.
    private let ids: [(text: String, id: ActionID?)]
    let distinctIDs: [ActionID]
    let options: RequestOptions
    var context: RequestContext
    let exchange: Exchange
    /// The request's id in the log.
    let cause: String

    init(ids texts: [String], options: RequestOptions, context: RequestContext, exchange: Exchange)
    {
        ids = texts.map { ($0, ActionID($0)) }
        var seen: Set<ActionID> = []
        distinctIDs = ids.compactMap { $0.id }.filter { seen.insert($0).inserted }
        self.options = options
        self.context = context
        self.exchange = exchange
        cause = context.requestID.text()
    }

    func bytesToCompress(_ results: BatchResults) -> Int {
        guard context.fields.coding != .identity else { return 0 }
        return BatchWriter.bytesToCompress(items(results), for: context.fields)
    }

    /// The result for each id, in the order asked.
    func items(_ results: BatchResults) -> [BatchItem] {
        ids.map { text, id in
            guard let id, let result = results[id] else {
                return BatchItem(id: text, result: .failure(.invalidID))
            }
            return BatchItem(id: text, result: result.mapError { ProblemDetails($0, id: id) })
        }
    }
}

/// The engine's replies to a batch, in any order.
private struct GatheredReplies: Sendable {
    var replies: [Reply?]
    var owed: Int

    /// All replies, if this was the last one.
    mutating func take(_ reply: Reply, at index: Int) -> [Reply?]? {
        replies[index] = reply
        owed -= 1
        return owed == 0 ? replies : nil
    }
}

/// The results for a batch's actions.
private typealias BatchResults = [ActionID: Result<RenderedAnswer, Problem>]

extension BatchResults {
    fileprivate func adding(_ replies: [Reply?], to questions: [Question]) -> Self {
        var results = self
        let clocks = SystemClock.both()
        for (question, reply) in zip(questions, replies) {
            switch reply {
            case .answer(let answer):
                results[question.id] = .success(RenderedAnswer(answer, clocks: clocks))
            case .problem(let problem): results[question.id] = .failure(problem)
            case nil: break
            }
        }
        return results
    }
}

extension RequestContext {
    /// Counts the answers of a batch that needed no call of their own: an action that is named
    /// twice had at most one call.
    fileprivate mutating func save(
        _ items: [BatchItem], _ results: some Sequence<BatchResults.Value>
    ) {
        for case .success(let rendered) in items.map(\.result) {
            savedCalls += 1
            savedCallsBySource.add(1, rendered.answer.document.source)
        }
        for case .success(let rendered) in results where rendered.answer.service == .miss {
            savedCalls -= 1
            savedCallsBySource.add(-1, rendered.answer.document.source)
        }
    }
}
