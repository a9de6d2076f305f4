// The context of one request: the data for its answer, its log line and the metrics.

import HTTPWire
import SocketServer
import StatusAPI
import StatusCore

/// The action that a request asks for.
enum AskedAction: Sendable {
    /// The place of its id in the bytes of the head, without escapes.
    case at(Range<Int>)
    case kept(ActionID)
}

/// The data of a request while it is answered.
struct RequestContext: Sendable {
    let startedAt = SystemClock.now()
    let method: HTTPWire.Method
    private(set) var requestID: RequestID
    let fields: RequestFields
    /// The number of the request's event loop.
    let shard: Int
    let route: Route
    var cacheResult: CacheResult?
    /// Actions that were answered without a call of their own.
    var savedCalls = 0
    /// The same by source, if the request has several actions; else `source` is theirs.
    var savedCallsBySource = SourceTally()
    /// The requested action.
    var action: AskedAction?
    /// The number of requested actions, if there are several.
    var actions: Int?
    /// Whether the request cannot be answered at once: a cold call, a wait, a stream.
    var isHeld = false
    var source: Source?
    var problem: ProblemDetails.Code?
    /// The peer's address, if it is logged.
    var peer: String?
    /// The caller, when keys are on.
    var caller: KeyHolder?

    init(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ route: Route, _ exchange: Exchange
    ) {
        self.init(head, bytes, route, shard: exchange.loopIndex, number: exchange.id)
    }

    /// `number` is unique among the requests of the process.
    init(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ route: Route, shard: Int = 0,
        number: UInt64
    ) {
        self.route = route
        self.shard = shard
        method = head.method
        fields = RequestFields(head, bytes)
        requestID = fields.requestID ?? .made(Self.unlikeOthers(number))
    }

    /// Copies what is needed of the head's bytes, so that the context outlives them.
    mutating func keep(_ bytes: Span<UInt8>) {
        requestID = requestID.kept(from: bytes)
        if case .at(let place) = action {
            action = PercentCoding.decode(bytes.extracting(place)).flatMap(ActionID.init)
                .map(AskedAction.kept)
        }
    }

    var trace: TraceParent? { fields.trace }

    /// Whether this is a repeated check by a load balancer or scraper, whose success is logged at
    /// `debug`.
    var isCheck: Bool {
        switch route {
        case .live, .ready, .metrics, .sources, .options: true
        default: false
        }
    }

    /// The caller's question about an action.
    func question(_ options: RequestOptions, _ id: ActionID) -> Question {
        var question = options.question(id)
        question.holder = caller?.name
        return question
    }

    mutating func serve(_ answer: Answer) {
        source = answer.document.source
        cacheResult = CacheResult(answer)
        savedCalls = answer.service == .miss ? 0 : 1
    }

    /// Counts the first answer for an action of an event stream, or the first after a problem; the
    /// log line of a stream of one action has more details.
    mutating func serve(_ reply: Reply, to question: Question) {
        let saved = savedCalls
        problem = nil
        switch reply {
        case .answer(let answer):
            serve(answer)
            savedCalls += saved
        case .problem(let problem): refuse(ProblemDetails(problem, id: question.id))
        }
        guard question.place > 0 else { return }
        if case .answer(let answer) = reply, savedCalls > saved {
            savedCallsBySource.add(1, answer.document.source)
        }
        (cacheResult, source, problem) = (nil, nil, nil)
    }

    /// Takes a place of the caller, if callers have keys; returns a problem if none is left.
    func hold(questions: Int) -> ProblemDetails? {
        guard let caller, !caller.hold(questions: questions) else { return nil }
        return .tooManyHeld(caller.name, now: startedAt)
    }

    /// The context marked as held.
    var held: RequestContext {
        var context = self
        context.isHeld = true
        return context
    }

    func letGo(questions: Int) { caller?.letGo(questions: questions) }

    mutating func refuse(_ problem: ProblemDetails) {
        cacheResult = CacheResult.none
        self.problem = problem.code
    }

    private static let seed = UInt64.random(in: .min ... .max)

    /// Turns consecutive numbers into ids that differ from each other, and from those of other
    /// processes.
    private static func unlikeOthers(_ number: UInt64) -> UInt64 {
        var word = seed &+ number &* 0x9e37_79b9_7f4a_7c15
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
