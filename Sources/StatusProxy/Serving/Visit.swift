// One request's passage through the service: what its log line and the metrics need.

import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

/// What is known of a request while it is answered.
struct Visit: Sendable {
    let startedAt = SystemClock.now()
    let requestID: String
    let method: HTTPWire.Method
    let preconditions: Preconditions
    let trace: TraceParent?
    /// The number of the loop that it came in on.
    let lane: Int
    var route = "other"
    var cacheResult: String?
    /// Actions that it was answered for without a call of their own.
    var savedCalls = 0
    var source: Source?
    var problem: String?
    /// Who asks, when keys are on.
    var caller: KeyHolder?

    static let requestIDBytesMax = 128

    init(_ request: APIRequest, lane: Int = 0) {
        self.lane = lane
        requestID = Self.usable(request.requestID) ?? Self.newRequestID()
        method = request.method
        preconditions = Preconditions(request)
        trace = request.trace
    }

    /// What the visitor wishes to know of an action.
    func question(_ wish: Wish, _ id: ActionID) -> Question {
        var question = wish.question(id)
        question.holder = caller?.name
        return question
    }

    func served(_ answer: Answer) -> Visit {
        var visit = self
        visit.source = answer.document.source
        switch answer.service {
        case .hit: visit.cacheResult = answer.staleReason == nil ? "hit" : "stale"
        case .miss: visit.cacheResult = "miss"
        case .collapsed: visit.cacheResult = "collapsed"
        }
        visit.savedCalls = answer.service == .miss ? 0 : 1
        return visit
    }

    /// Takes a place of the caller's, if callers have keys; returns the problem that there is none left.
    func hold(questions: Int) -> ProblemDetails? {
        guard let caller, !caller.hold(questions: questions) else { return nil }
        return .tooManyHeld(caller.name, now: startedAt)
    }

    func letGo(questions: Int) { caller?.letGo(questions: questions) }

    func refused(_ problem: Problem) -> Visit {
        var visit = self
        visit.cacheResult = "none"
        visit.problem = problem.code.rawValue
        return visit
    }

    /// A caller's own id is echoed if it is visible ASCII and short.
    private static func usable(_ text: String?) -> String? {
        guard let text, (1...requestIDBytesMax).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return text
    }

    private static func newRequestID() -> String {
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Closes visits: one log line and one count each.
final class RequestJournal: Sendable {
    private let log: LogWriter
    private let metrics: Metrics
    /// Known only once the server listens, which is after its handler exists.
    private let connections = Guarded<(@Sendable () -> Int)?>(nil)

    init(log: LogWriter, metrics: Metrics) {
        self.log = log
        self.metrics = metrics
    }

    /// Logs and counts the answer, and returns it with the request's id.
    func close(_ visit: Visit, _ response: Response) -> Response {
        close(visit, status: response.status)
        var response = response
        response.fields.append(Field(name: "X-Request-Id", value: visit.requestID))
        return response
    }

    /// Logs and counts an answer that has been written. `beganAfter` and `events` are of an event
    /// stream: its whole life would tell nothing among the durations of answers.
    func close(_ visit: Visit, status: Int, beganAfter: Duration? = nil, events: Int? = nil) {
        let took = SystemClock.now() - visit.startedAt
        metrics.countRequest(
            route: visit.route, status: status, took: beganAfter ?? took,
            cacheResult: visit.cacheResult, savedCalls: visit.savedCalls, lane: visit.lane)
        log.log(
            .info, "request",
            [
                "request_id": .text(visit.requestID),
                "method": .text(visit.method.rawValue),
                "route": .text(visit.route),
                "status": .integer(status),
                "duration": .seconds(took),
                "cache": visit.cacheResult.map(LogValue.text) ?? .absent,
                "source": visit.source.map { .text($0.rawValue) } ?? .absent,
                "problem": visit.problem.map(LogValue.text) ?? .absent,
                "events": events.map(LogValue.integer) ?? .absent,
                "trace_id": visit.trace.map { .text($0.traceID) } ?? .absent,
                "caller": visit.caller.map { .text($0.name) } ?? .absent,
            ])
    }

    /// Logs and counts a request whose caller went away before its answer, under a status that nobody
    /// is sent.
    func abandoned(_ visit: Visit) { close(visit, status: 499) }

    /// A request that broke the protocol has no visit.
    func refused(status: Int, reason: String) {
        metrics.countRequest(route: "refused", status: status, took: .zero, cacheResult: nil)
        log.log(
            .info, "request refused", ["status": .integer(status), "reason": .text(reason)])
    }

    func watchConnections(_ count: @escaping @Sendable () -> Int) {
        connections.withLock { $0 = count }
    }

    func metricsText(
        stored: Int, waiting: Int, streams: Int, storeIsUp: Bool, hits: HitCounts,
        configured: [Source]
    ) -> [UInt8] {
        let count = connections.withLock { $0 }
        let gauges = Metrics.Gauges(
            connections: count?() ?? 0, storedActions: stored, waitingCallers: waiting,
            eventStreams: streams, storeIsUp: storeIsUp, hits: hits, logLinesLost: log.linesLost,
            process: .now())
        return Array(metrics.text(gauges, configured: configured).utf8)
    }
}
