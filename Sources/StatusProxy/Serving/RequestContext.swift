// One request's passage through the service: what its answer, its log line and the metrics need.

import HTTPWire
import SocketServer
import StatusAPI
import StatusCore

/// The action that a request asks about.
enum AskedAction: Sendable {
    /// Where its id stands in the bytes of the head, without an escape in it.
    case at(Range<Int>)
    case kept(ActionID)
}

/// What is known of a request while it is answered.
struct RequestContext: Sendable {
    let startedAt = SystemClock.now()
    let method: HTTPWire.Method
    private(set) var requestID: RequestID
    let fields: RequestFields
    /// The number of the loop that it came in on.
    let shard: Int
    let route: Route
    var cacheResult: CacheResult?
    /// Actions that it was answered for without a call of their own.
    var savedCalls = 0
    /// Those of several actions, by their sources; else the source says whose they are.
    var savedCallsBySource = SourceTally()
    /// The action that is asked about.
    var action: AskedAction?
    /// How many are, if there are several.
    var actions: Int?
    /// It cannot be answered at once: a cold call, a wait, a stream.
    var isHeld = false
    var source: Source?
    var problem: ProblemDetails.Code?
    /// The address of who asks, when it is logged.
    var peer: String?
    /// Who asks, when keys are on.
    var caller: KeyHolder?

    init(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ route: Route, _ exchange: Exchange
    ) {
        self.init(head, bytes, route, shard: exchange.loopIndex, number: exchange.id)
    }

    /// `number` is unlike that of any other request of the process.
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

    /// From now on the context outlives the bytes of its head.
    mutating func keep(_ bytes: Span<UInt8>) {
        requestID = requestID.kept(from: bytes)
        if case .at(let place) = action {
            action = PercentCoding.decode(bytes.extracting(place)).flatMap(ActionID.init)
                .map(AskedAction.kept)
        }
    }

    var trace: TraceParent? { fields.trace }

    /// Load balancers and scrapers ask again and again: that all is well is no news.
    var isCheck: Bool {
        switch route {
        case .live, .ready, .metrics, .sources, .options: true
        default: false
        }
    }

    /// What the caller asks about an action.
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

    /// Counts what one of an event stream's actions was first answered with, or after a problem; of a
    /// stream of one the line says more.
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

    /// Takes a place of the caller's, if callers have keys; returns the problem that there is none left.
    func hold(questions: Int) -> ProblemDetails? {
        guard let caller, !caller.hold(questions: questions) else { return nil }
        return .tooManyHeld(caller.name, now: startedAt)
    }

    /// The same, of a request that is held.
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

    /// Numbers in a row become ids that are unlike each other, here and in other processes.
    private static func unlikeOthers(_ number: UInt64) -> UInt64 {
        var word = seed &+ number &* 0x9e37_79b9_7f4a_7c15
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
