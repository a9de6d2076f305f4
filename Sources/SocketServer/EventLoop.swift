// One epoll set and the connections in it. Readiness comes in, events are handed to the code of
// connections in the files beside this one; the clock and the one timer live here.

import CLinux
import Dispatch
import Glibc
import HTTPWire

/// Serves a share of the connections on one serial queue.
///
/// The epoll descriptor itself is watched by one Dispatch source: Dispatch's cost is paid once a
/// batch of events (measured: 7 µs of CPU a request; one source a connection: 13 to 20).
///
/// `@unchecked Sendable`: every stored `var` is touched on `queue` only, after `start()`; before it
/// only the server's initialiser knows the loop. `Exchange`, `Server` and other loops reach in by
/// `queue.async`. The suite runs under the thread sanitizer.
final class EventLoop: @unchecked Sendable {
    let queue: DispatchQueue
    let index: Int
    let configuration: ServerConfiguration
    let handler: any RequestHandler
    let tally: Tally
    let parser: RequestParser
    let times: Times

    var epoll: Int32 { epollDescriptor?.number ?? -1 }
    private var epollDescriptor: Descriptor?
    private var source: (any DispatchSourceRead)?
    private let events: UnsafeMutablePointer<linux_ready>

    var connections: [Connection?] = []
    var freeSlots: [Int] = []
    var generation: UInt64 = 0
    var exchangeCount: UInt64 = 0
    var overflowCount = 0

    var listener: Listener?
    /// Loops that accepted connections go to in turn; empty: they stay here.
    var receivers: [EventLoop] = []
    var nextReceiver = 0
    /// There was no descriptor for a connection, and there has been none since.
    var isShort = false

    /// Requests are read into it, behind what a connection has kept.
    let scratch: UnsafeMutableBufferPointer<UInt8>
    var head = RequestHead()
    var writer = ResponseWriter()
    /// Counted as accepting by the tally, with or without a listener of its own.
    var isAccepting = true
    var isDraining = false
    /// The loop's clock: nanoseconds that never go back, read once a batch.
    var now: Int64 = 0
    private var timer: (any DispatchSourceTimer)?
    /// When the timer fires, on the loop's clock.
    private var wakeAt = Int64.max

    /// Time-outs in nanoseconds.
    struct Times {
        let idle, head, content, write, silence, linger, tick: Int64

        init(_ configuration: ServerConfiguration) {
            idle = configuration.idleTimeout.nanosecondsForTimer
            head = configuration.headerTimeout.nanosecondsForTimer
            content = configuration.bodyTimeout.nanosecondsForTimer
            write = configuration.writeTimeout.nanosecondsForTimer
            linger = configuration.lingerTimeout.nanosecondsForTimer
            silence =
                configuration.heartbeat.isEmpty
                ? .max : configuration.heartbeatInterval.nanosecondsForTimer
            let shortest = min(idle, head, content, write, silence, linger)
            tick = max(10_000_000, min(1_000_000_000, shortest / 2))
        }
    }

    /// Bytes read at once.
    static let readBytes = 32 * 1024
    /// Rounds of one handler call: completions that wait on the queue get their turn in between.
    static let roundsMax = 8
    static let eventsMax = 256
    static let listenerToken = UInt64.max

    init(
        _ index: Int, _ configuration: ServerConfiguration, _ handler: any RequestHandler,
        _ tally: Tally
    ) throws(SocketFailure) {
        self.index = index
        self.configuration = configuration
        self.handler = handler
        self.tally = tally
        queue = DispatchQueue(label: "http-loop-\(index)")
        parser = RequestParser(limits: configuration.wireLimits)
        times = Times(configuration)
        events = .allocate(capacity: Self.eventsMax)
        // A partial head and a partial chunk line can be kept, never more.
        let keptBytesMax =
            configuration.wireLimits.headBytesMax
            + max(
                configuration.wireLimits.chunkLineBytesMax, configuration.wireLimits.trailerBytesMax
            ) + 2
        scratch = .allocate(capacity: keptBytesMax + Self.readBytes)
        epollDescriptor = Descriptor(returned: linux_epoll_create())
        guard epoll >= 0 else { throw .failed("epoll_create1", on: "loop \(index)") }
    }

    deinit {
        events.deallocate()
        scratch.deallocate()
    }

    // MARK: Start and stop

    func start() {
        queue.async {
            let source = DispatchSource.makeReadSource(
                fileDescriptor: self.epoll, queue: self.queue)
            source.setEventHandler { self.drainEvents() }
            self.source = source
            self.timer = self.makeTimer()
            // Another loop may have handed connections over before there was a timer.
            self.tick()
            self.watchListener()
            source.activate()
        }
    }

    private func makeTimer() -> any DispatchSourceTimer {
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler { self.tick() }
        timer.activate()
        return timer
    }

    /// Closes everything; `done` runs on the queue when Dispatch has let go of the epoll set.
    func stop(_ done: @escaping @Sendable () -> Void) {
        closeListener()
        for connection in connections { if let connection { drop(connection) } }
        timer?.cancel()
        timer = nil
        guard let source, !source.isCancelled else { return done() }
        // Dispatch asks that a watched descriptor stays open until the source is cancelled.
        source.setCancelHandler {
            self.epollDescriptor = nil
            self.source = nil
            done()
        }
        source.cancel()
    }

    // MARK: Events

    private func drainEvents() {
        for _ in 0..<Self.roundsMax {
            let count = Int(linux_epoll_poll(epoll, events, Int32(Self.eventsMax)))
            guard count > 0 else { return }
            readClock()
            for index in 0..<count {
                let event = events[index]
                if event.token == Self.listenerToken {
                    accept()
                } else if let connection = connection(of: event.token) {
                    ready(connection, event.events)
                }
            }
        }
    }

    /// The connection that a token names, unless it is gone.
    private func connection(of token: UInt64) -> Connection? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < connections.count, let connection = connections[slot],
            connection.token == token
        else { return nil }
        return connection
    }

    // MARK: Time

    /// Coarse clocks: some milliseconds exact, no system call.
    func readClock() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        writer.setDate(secondsSince1970: time.tv_sec)
    }

    /// Has the deadlines looked at when that one has passed: one timer a loop, which rests until the
    /// earliest deadline and fires at most once a tick.
    func wake(by deadline: Int64) {
        let wish = max(deadline, now + times.tick)
        guard wish < wakeAt else { return }
        wakeAt = wish
        timer?.schedule(deadline: .now() + .nanoseconds(Int(min(wish - now, Self.restMax))))
    }

    private func tick() {
        wakeAt = .max
        readClock()
        var earliest = Int64.max
        for connection in connections {
            guard let connection else { continue }
            if connection.deadline <= now { timedOut(connection) }
            earliest = min(earliest, connection.deadline)
        }
        wake(by: earliest)
    }

    /// Dispatch adds spans to the time without looking for overflow.
    private static let restMax: Int64 = 3_600_000_000_000
}

extension Duration {
    /// In nanoseconds; a century for anything longer, so that sums do not overflow.
    var nanosecondsForTimer: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < 3_000_000_000 else { return 3_000_000_000_000_000_000 }
        return max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
