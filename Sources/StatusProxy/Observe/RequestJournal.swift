// Logs and counts every request at its end.

import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

/// Logs and counts requests, with one shard for each event loop, so that loops never wait for each
/// other.
final class RequestJournal: Sendable {
    private let log: LogWriter
    private let metrics: Metrics
    private let shards: [Guarded<Shard>]
    /// Whether lines contain the peer's address.
    let logsPeer: Bool
    /// Set once the server listens, after its handler was created.
    private let connections = Guarded<(@Sendable () -> ServerFigures)?>(nil)

    /// The state of one loop.
    private struct Shard: Sendable {
        var counts = RequestCounts()
        private var sampler: RequestSampler
        private var clock = LineClock()
        /// Overwritten by each request, since emptying an array costs more.
        private var line = [UInt8](repeating: 0, count: RequestContext.lineBytesMax)

        init(_ logging: RequestLogging) { sampler = RequestSampler(logging) }

        /// Writes the request's line, unless it is sampled away.
        mutating func writeLine(
            _ context: borrowing RequestContext, from bytes: Span<UInt8> = Span(), status: Int,
            endedAt: Instant, events: Int? = nil, delivery: Delivery = .whole,
            to log: LogWriter
        ) {
            let isTrouble = status >= 400 || delivery != .whole
            let level = context.isCheck && !isTrouble ? LogLevel.debug : .info
            guard log.level <= level else { return }
            let format = log.format
            let kind = isTrouble ? .trouble : context.kind(events)
            guard let requests = sampler.take(kind, now: endedAt) else { return }
            let nanoseconds = endedAt.nanoseconds - context.startedAt.nanoseconds
            let milliseconds = clock.tick()
            let clock = clock
            let count = line.overwrite { line in
                line.beginLine(clock, milliseconds, level, "request", as: format)
                context.write(
                    bytes, status, nanoseconds, events, delivery, requests, as: format, into: &line)
                line.endLogLine(as: format)
            }
            log.append(line.span.extracting(first: count))
        }
    }

    init(
        log: LogWriter, metrics: Metrics, shards: Int = 1, logging: RequestLogging = .all,
        logsPeer: Bool = false
    ) {
        self.log = log
        self.metrics = metrics
        self.logsPeer = logsPeer
        self.shards = (0..<max(1, shards)).map { _ in Guarded(Shard(logging)) }
    }

    /// Logs and counts the answer, and returns it with the request's id.
    func close(_ context: RequestContext, _ response: Response) -> Response {
        close(context, status: response.status)
        var response = response
        response.fields.append(Field(name: "X-Request-Id", value: context.requestID.text()))
        return response
    }

    /// Logs and counts an answer that has been written. `bytes`: those of the head, if the context
    /// has not been kept. `beganAfter` and `events` are for an event stream, whose whole duration
    /// must not count among those of answers.
    func close(
        _ context: borrowing RequestContext, from bytes: Span<UInt8> = Span(), status: Int,
        beganAfter: Duration? = nil, events: Int? = nil
    ) {
        // Plain numbers, since `Duration` has 128 bits.
        let now = SystemClock.now()
        let took = now.nanoseconds - context.startedAt.nanoseconds
        context.caller?.count()
        shards[context.shard].withLock { shard in
            shard.counts.count(context, status: status, beganAfter?.nanoseconds ?? took)
            shard.writeLine(
                context, from: bytes, status: status, endedAt: now, events: events, to: log)
        }
    }

    /// Counts a large answer that is being written, and logs it when it has been sent or cut off.
    /// On the queue of the exchange's loop.
    func close(_ context: RequestContext, status: Int, large exchange: Exchange) {
        let took = SystemClock.now().nanoseconds - context.startedAt.nanoseconds
        context.caller?.count()
        shards[context.shard].withLock { $0.counts.count(context, status: status, took) }
        guard log.level <= .info else { return }
        exchange.whenDelivered { [self] delivery in
            let now = SystemClock.now()
            shards[context.shard].withLock { shard in
                shard.writeLine(
                    context, status: status, endedAt: now, delivery: delivery, to: log)
            }
        }
    }

    /// Logs a connection that was cut off.
    func cutOff(_ cut: Cut) {
        metrics.count(cut)
        log.log(
            .warning, "connection cut off",
            [
                "reason": .text(cut.reason.rawValue), "unsent_bytes": .integer(cut.unsentBytes),
                "peer": text(cut.peer),
            ])
    }

    /// Logs and counts a request whose caller went away before its answer, with the status 499,
    /// which is never sent.
    func abandoned(_ context: RequestContext) { close(context, status: 499) }

    /// Logs and counts a request that violated HTTP, and has no context.
    func refused(status: Int, reason: String, peer: PeerAddress?) {
        shards[0].withLock {
            $0.counts.count(nil, status: status, nanoseconds: 0, nil, savedCalls: 0)
        }
        log.log(
            .info, "request refused",
            ["status": .integer(status), "reason": .text(reason), "peer": text(peer)])
    }

    private func text(_ peer: PeerAddress?) -> LogValue {
        logsPeer ? peer.map { .text($0.text) } ?? .absent : .absent
    }

    func watchConnections(_ figures: @escaping @Sendable () -> ServerFigures) {
        connections.withLock { $0 = figures }
    }

    func metricsText(
        _ engine: EngineFigures, streams: Int, storeIsUp: Bool,
        callers: [(name: String, count: Int)]
    ) -> [UInt8] {
        let figures = connections.withLock { $0 }
        let gauges = Metrics.Gauges(
            server: figures?() ?? ServerFigures(), storedActions: engine.stored,
            storedBytes: engine.storedBytes,
            waitingCallers: engine.waiting, eventStreams: streams, storeIsUp: storeIsUp,
            longestTurn: engine.longestTurn, logLinesLost: log.linesLost, process: .now(),
            callers: callers, upstreams: engine.upstreams)
        return Array(metrics.text(gauges, counts).utf8)
    }

    private var counts: RequestCounts {
        shards.reduce(into: RequestCounts()) { sum, shard in
            sum.add(shard.withLock { $0.counts })
        }
    }

    func report(_ overviews: [SourceOverview], kinds: PerSource<String>) -> [SourceReport] {
        let saved = counts.savedCallsBySource
        return overviews.map { overview in
            let source = overview.figures.source
            return SourceReport(
                overview, kind: kinds[source] ?? "", callsSaved: saved[source],
                smallestGap: metrics.smallestGap(of: source))
        }
    }
}
