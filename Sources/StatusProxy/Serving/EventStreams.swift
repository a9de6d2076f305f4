// All open event streams: their number, the wakes of resting streams, and their end.

import Dispatch
import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

/// All open streams. Safe from any queue.
final class EventStreams: Sendable {
    private struct State: Sendable {
        var streams: [Exchange: EventStreamer] = [:]
        /// The number of followed actions of all streams.
        var actions = 0
        /// When each resting stream continues.
        var wakes: [Exchange: Instant] = [:]
        /// Whether a check of the wakes is planned.
        var isWakePlanned = false
        var isDraining = false
    }

    /// The largest number of actions that are followed at a time.
    private let actionsMax: Int
    private static let wakeInterval = DispatchTimeInterval.milliseconds(500)

    let engine: Engine
    let journal: RequestJournal
    let caches: CacheScope
    private let state = Guarded(State())
    private let queue = DispatchQueue(label: "status-proxy.streams")

    init(
        engine: Engine, journal: RequestJournal, caches: CacheScope,
        actionsMax: Int = TrackerPolicy.callersMaxDefault
    ) {
        self.actionsMax = actionsMax
        self.engine = engine
        self.journal = journal
        self.caches = caches
    }

    var count: Int { state.withLock { $0.streams.count } }
    var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Answers a request with a stream of its actions' events. The caller's places are taken
    /// already, and are released at the stream's end. On the queue of the exchange's loop.
    ///
    /// - Parameter isPlain: one action was requested by its own path.
    func open(
        _ followed: FollowedActions, isPlain: Bool, _ context: RequestContext, _ exchange: Exchange
    ) {
        let stream = EventStreamer(followed, isPlain: isPlain, context, exchange, self)
        let isFull = state.withLock { state in
            state.streams[exchange] = stream
            state.actions += followed.count
            return state.actions > actionsMax
        }
        stream.open(refusal: isFull ? .tooManyFollowed(now: context.startedAt) : nil)
    }

    /// Handles the departure of a peer, if it had a stream.
    func abandoned(_ exchange: Exchange) {
        state.withLock { $0.streams[exchange] }?.abandoned()
    }

    /// From now on a stream ends once none of its questions is under way: the draining engine
    /// replies at once.
    func drain() {
        let streams = state.withLock { state in
            state.isDraining = true
            return state.streams
        }
        for (exchange, stream) in streams { exchange.perform { stream.drain() } }
    }

    /// False if the stream was removed before.
    func forget(_ exchange: Exchange, actions: Int) -> Bool {
        state.withLock { state in
            guard state.streams.removeValue(forKey: exchange) != nil else { return false }
            state.actions -= actions
            state.wakes[exchange] = nil
            return true
        }
    }

    // MARK: Rests

    /// Nil: the stream does not rest.
    func rest(_ exchange: Exchange, until instant: Instant?) {
        let mustPlan = state.withLock { state in
            state.wakes[exchange] = instant
            defer { state.isWakePlanned = state.isWakePlanned || instant != nil }
            return instant != nil && !state.isWakePlanned
        }
        if mustPlan { planWake() }
    }

    private func planWake() {
        queue.asyncAfter(deadline: .now() + Self.wakeInterval) { self.wakeDue() }
    }

    /// Wakes the streams whose rest is over.
    private func wakeDue() {
        let now = SystemClock.now()
        let (due, goesOn) = state.withLock { state in
            let due = state.wakes.filter { $0.value <= now }.keys
            for exchange in due { state.wakes[exchange] = nil }
            state.isWakePlanned = !state.wakes.isEmpty
            return (due.map { ($0, state.streams[$0]) }, state.isWakePlanned)
        }
        for (exchange, stream) in due { exchange.perform { stream?.wake() } }
        if goesOn { planWake() }
    }
}
