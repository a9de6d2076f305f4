// Feeds bytes to the connection machine as the server does, with a handler that answers immediately.

import HTTPWire

/// One connection from its first byte to its end.
struct Conversation: ~Copyable {
    enum Event: Equatable {
        case request(SeenRequest)
        /// Content of the request that follows; all pieces in one.
        case content([UInt8])
        case refused(Refusal)
        /// Answered with `Connection: close`.
        case closed
    }

    private(set) var trace: [Event] = []
    private(set) var answers = AnswerLog()
    private let parser: RequestParser
    private let end: Plan.End
    private let answersLate: Bool
    private var machine = ConnectionMachine()
    private var head = RequestHead()
    private var writer = ResponseWriter()
    private var kept: [UInt8] = []
    private var content: [UInt8] = []
    private var wasToldToContinue = false
    private var isOver = false

    init(_ plan: Plan, answersLate: Bool = false) {
        parser = RequestParser(limits: plan.limits)
        end = plan.end
        self.answersLate = answersLate
    }

    /// The bytes of all answers except the 100s, which depend on how fast the content arrived.
    var finalAnswers: [UInt8] { answers.finalBytes }

    mutating func play(_ bytes: [UInt8], sizes: [Int]) {
        var start = 0
        var turn = 0
        while start < bytes.count, !isOver {
            let stop = min(bytes.count, start + sizes[turn % sizes.count])
            feed(bytes[start..<stop])
            start = stop
            turn += 1
        }
        finish()
        answers.check(writer.output)
    }

    // MARK: Bytes in

    private mutating func feed(_ piece: ArraySlice<UInt8>) {
        var bytes = kept + piece
        advance(&bytes)
        keep(bytes)
        if !isOver { checkBounds() }
    }

    private mutating func keep(_ bytes: [UInt8]) {
        let (head, rest) = machine.keep(bytes.count)
        kept = Array(bytes[head]) + Array(bytes[rest])
    }

    private mutating func advance(_ bytes: inout [UInt8]) {
        while !isOver {
            let step = machine.advance(bytes.span, parser, &head)
            switch step {
            case .needMore: return
            case .wait: require(false, "it waits, and nothing was delivered")
            case .sendContinue: sendContinue()
            case .content(let range):
                require(!range.isEmpty, "a piece of nothing")
                content += bytes[range]
            case .deliver: deliver(&bytes)
            case .refuse(let refusal): refuse(refusal)
            }
        }
    }

    /// The buffer between reads is limited to a head and the current line of the chunked coding.
    private func checkBounds() {
        let limits = parser.limits
        let lineMax = max(limits.chunkLineBytesMax, limits.trailerBytesMax) + 2
        switch machine.stage {
        case .idle: require(kept.isEmpty, "\(kept.count) bytes kept between requests")
        case .head: require(kept.count <= limits.headBytesMax + 1, "\(kept.count) bytes of a head")
        case .content:
            require(kept.count <= limits.headBytesMax + lineMax, "\(kept.count) bytes kept")
            require(content.count <= limits.contentBytesMax, "\(content.count) bytes of content")
        case .answering, .ended: require(false, "in \(machine.stage) between reads")
        }
    }

    // MARK: Steps

    private mutating func sendContinue() {
        require(head.expectsContinue && head.framing != .none, "nobody waits for a 100")
        require(content.isEmpty && !wasToldToContinue, "a 100 too late or twice")
        wasToldToContinue = true
        writer.writeContinue()
        answers.expectContinue()
    }

    private mutating func deliver(_ bytes: inout [UInt8]) {
        let request = SeenRequest(head, bytes)
        checkContent(of: request)
        if !content.isEmpty { trace.append(.content(content)) }
        trace.append(.request(request))
        if answersLate { bytes = waited(bytes) }
        answer(request)
        machine.answered()
        content = []
        wasToldToContinue = false
        guard !request.keepAlive else { return }
        trace.append(.closed)
        isOver = true
    }

    private func checkContent(of request: SeenRequest) {
        switch request.framing {
        case .none: require(content.isEmpty, "content without framing")
        case .length(let length): require(content.count == length, "content \(content.count)")
        case .chunked: break
        }
        require(content.count <= parser.limits.contentBytesMax, "too much content")
    }

    /// While the answer is pending, the machine consumes nothing.
    private mutating func waited(_ bytes: [UInt8]) -> [UInt8] {
        keep(bytes)
        let waiting = kept
        let step = machine.advance(waiting.span, parser, &head)
        require(step == .wait, "\(step) while an answer is under way")
        keep(waiting)
        require(kept == waiting, "it read on while an answer is under way")
        return kept
    }

    private mutating func refuse(_ refusal: Refusal) {
        answer(refusal)
        checkSilence()
    }

    private mutating func answer(_ refusal: Refusal) {
        trace.append(.refused(refusal))
        isOver = true
        let shape = AnswerShape(isHead: false, version: .http11, keepAlive: false)
        writer.prepare(shape)
        let body = Array(refusal.reason.utf8)
        writer.write(Response(status: refusal.status, body: body))
        answers.expect(shape, refusal.status, body)
    }

    /// After a refusal nothing on the connection is trusted.
    private mutating func checkSilence() {
        require(machine.stage == .ended, "refused, and goes on")
        let more = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        require(machine.advance(more.span, parser, &head) == .needMore, "refused, and reads on")
        var silent = machine
        let (head, rest) = silent.keep(more.count)
        require(head.isEmpty && rest.isEmpty, "refused, and keeps bytes")
        require(silent.inputEnded() == .needMore, "refused twice")
    }

    // MARK: The end

    private mutating func finish() {
        guard !isOver else { return }
        if let refusal = refusalPutOff() { return answer(refusal) }
        let stage = machine.stage
        let step: ConnectionMachine.Step
        switch end {
        case .open: return
        case .inputEnds: step = machine.inputEnded()
        case .timeIsOver: step = machine.timedOut()
        }
        require(machine.stage == .ended, "no end")
        if stage == .idle {
            require(step == .needMore, "\(step) between requests")
        } else if case .refuse(let refusal) = step {
            refuse(refusal)
        } else {
            require(false, "\(step) inside a request")
        }
    }

    /// Inside a line the machine may defer its check to the line's end; this is its verdict then.
    private func refusalPutOff() -> Refusal? {
        guard machine.stage == .head else { return nil }
        var head = RequestHead()
        switch parser.parse(kept.span, into: &head) {
        case .needMore: return nil
        case .refused(let refusal):
            checkMayBePutOff(refusal)
            return refusal
        case .request: fatalError("a whole request is put off")
        }
    }

    /// Except past a limit, where no line's end is awaited.
    private func checkMayBePutOff(_ refusal: Refusal) {
        let limits = parser.limits
        let lineMax = limits.methodBytesMax + limits.targetBytesMax + " HTTP/1.1 ".utf8.count
        let emptyMax = 2 * limits.leadingEmptyLinesMax
        require(refusal != .headTooLarge, "a head too large is not noticed")
        require(
            refusal != .targetTooLong || kept.count <= lineMax + emptyMax,
            "a target too long is not noticed in \(kept.count) bytes")
    }

    // MARK: Answers out

    /// Echoes the request, so that bytes from outside are in every part of an answer.
    private mutating func answer(_ request: SeenRequest) {
        let statuses = [200, 404, 304, 204, 503, 299]
        let status = statuses[request.path.count % statuses.count]
        let shape = AnswerShape(
            isHead: request.method == .head, version: request.version,
            keepAlive: request.keepAlive)
        writer.prepare(shape)
        let texts = [request.path] + request.values.prefix(3) + [content]
        let fields = texts.map { text in
            Field(name: "X-Text", value: String(decoding: text, as: UTF8.self))
        }
        // Content can hold anything, including a line's end.
        writer.write(Response(status: status, fields: fields, body: content))
        require(writer.isAnswered && writer.statusWritten == status, "no answer")
        answers.expect(shape, status, content)
    }
}
