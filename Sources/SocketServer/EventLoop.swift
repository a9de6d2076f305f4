// One epoll set and the connections in it. Readiness comes in, events are handed to the code of
// connections in the files beside this one; the clock and the one timer live here.

import CLinux
import Dispatch
import Glibc
import HTTPWire

/// Serves a share of the connections on one serial queue, which it holds from start to stop: it
/// sleeps in `epoll_wait` itself. A Dispatch source on the epoll set would wake one thread more for
/// each batch of events.
///
/// `@unchecked Sendable`: every stored `var` is touched on the loop's queue only, after `start()`;
/// before it only the server's initialiser knows the loop. `Exchange`, `Server` and other loops
/// reach in by `post`. The suite runs under the thread sanitizer.
final class EventLoop: @unchecked Sendable {
    let index: Int
    let configuration: ServerConfiguration
    let handler: any RequestHandler
    let tally: Tally
    let parser: RequestParser
    let times: Times

    var epoll: Int32 { epollDescriptor?.number ?? -1 }
    private var epollDescriptor: Descriptor?
    private let inbox: Inbox
    private let events: UnsafeMutablePointer<linux_ready>

    var connections: [Connection?] = []
    var freeSlots: [Int] = []
    var generation: UInt64 = 0
    var exchangeCount: UInt64 = 0
    /// Connections over the limit, oldest first.
    var reserved: [Connection] = []
    /// Idle connections found by the last scan, the longest idle one last.
    var idle: [IdleConnection] = []
    var scannedAt: Int64 = 0
    /// A connection may have become idle since the last scan.
    var mayHaveIdle = true

    var listeners: [Listener] = []
    /// All loops of the server, for a newcomer to look for a place; empty while it drains.
    var siblings: [EventLoop] = []
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
    private var isStopped = false
    /// Called once the loop runs no more; nil when it does not run.
    private var whenStopped: [@Sendable () -> Void]?
    /// The loop's clock: nanoseconds that never go back, read once a batch.
    var now: Int64 = 0
    /// When deadlines are looked at, on the loop's clock.
    private var wakeAt = Int64.max
    /// Connections that keep answers for their peers, and when these are looked at.
    var keepers = 0
    var looksAt = Int64.max
    /// When connections are accepted again after there was no descriptor for one.
    var acceptsAgainAt = Int64.max

    /// Time-outs in nanoseconds.
    struct Times {
        let idle, head, content, write, drainWrite, silence, departure, linger, firstRequest: Int64
        let tick: Int64

        init(_ configuration: ServerConfiguration) {
            idle = configuration.idleTimeout.nanosecondsForTimer
            head = configuration.headerTimeout.nanosecondsForTimer
            content = configuration.bodyTimeout.nanosecondsForTimer
            write = configuration.writeTimeout.nanosecondsForTimer
            drainWrite = min(write, configuration.drainWriteTimeout.nanosecondsForTimer)
            departure = configuration.departureGrace.nanosecondsForTimer
            linger = configuration.lingerTimeout.nanosecondsForTimer
            firstRequest = configuration.firstRequestGrace.nanosecondsForTimer
            silence =
                configuration.heartbeat.isEmpty
                ? .max : configuration.heartbeatInterval.nanosecondsForTimer
            let shortest = [
                idle, head, content, drainWrite, silence, departure, linger, firstRequest,
            ].reduce(.max, min)
            tick = max(10_000_000, min(1_000_000_000, shortest / 2))
        }
    }

    /// Bytes read at once.
    static let readBytes = 32 * 1024
    static let eventsMax = 256
    /// No connection's token has this bit. Listeners have those behind it.
    private static let bellToken: UInt64 = 1 << 63

    static func listenerToken(_ index: Int) -> UInt64 { bellToken + 1 + UInt64(index) }

    init(
        _ index: Int, _ configuration: ServerConfiguration, _ handler: any RequestHandler,
        _ tally: Tally
    ) throws(SocketFailure) {
        self.index = index
        self.configuration = configuration
        self.handler = handler
        self.tally = tally
        parser = RequestParser(limits: configuration.wireLimits)
        times = Times(configuration)
        writer.sharedBytesMin = configuration.sharedBytesMin
        events = .allocate(capacity: Self.eventsMax)
        // A partial head and a partial chunk line can be kept, never more.
        let keptBytesMax =
            configuration.wireLimits.headBytesMax
            + max(
                configuration.wireLimits.chunkLineBytesMax, configuration.wireLimits.trailerBytesMax
            ) + 2
        scratch = .allocate(capacity: keptBytesMax + Self.readBytes)
        let epoll = linux_epoll_create()
        epollDescriptor = Descriptor(returned: epoll)
        guard epoll >= 0 else { throw .failed("epoll_create1", on: "loop \(index)") }
        inbox = try Inbox(
            DispatchQueue(label: "http-loop-\(index)"), epoll: epoll, token: Self.bellToken)
    }

    deinit {
        events.deallocate()
        scratch.deallocate()
    }

    // MARK: Start and stop

    /// Has `work` done on the loop's queue. From any thread.
    func post(_ work: @escaping @Sendable () -> Void) { inbox.post(work) }

    func start() {
        inbox.run {
            self.watchListeners()
            self.run()
        }
    }

    /// Closes everything; `done` runs on the queue when the epoll set is closed, too.
    func stop(_ done: @escaping @Sendable () -> Void) {
        closeListeners()
        for connection in connections { if let connection { drop(connection) } }
        isStopped = true
        // Without a run, or after it, nothing is left to wait for.
        if whenStopped?.append(done) == nil { done() }
    }

    // MARK: Events

    private func run() {
        whenStopped = []
        while !isStopped {
            let count = linux_epoll_wait(
                epoll, events, Int32(Self.eventsMax), inbox.mayRest() ? restMilliseconds : 0)
            precondition(count >= 0 || errno == EINTR, "the epoll set is gone")
            readClock()
            for work in inbox.take() { work() }
            for index in 0..<max(0, Int(count)) { take(events[index]) }
            if acceptsAgainAt <= now { resumeAccepting() }
            if looksAt <= now { lookAtReaders() }
            if wakeAt <= now { tick() }
        }
        epollDescriptor = nil
        for work in inbox.close() { work() }
        for done in whenStopped ?? [] { done() }
        whenStopped = nil
    }

    private func take(_ event: linux_ready) {
        if event.token > Self.bellToken {
            accept(from: Int(event.token - Self.listenerToken(0)))
        } else if let connection = connection(of: event.token) {
            ready(connection, event.events)
        }
    }

    /// The connection that a token names, unless it is gone.
    func connection(of token: UInt64) -> Connection? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < connections.count, let connection = connections[slot],
            connection.token == token
        else { return nil }
        return connection
    }

    // MARK: Time

    /// Once a batch, without a system call. In a full house the order counts in which connections became
    /// idle, over all loops; a coarse clock would not know it for 4 ms. The date needs no more than that.
    func readClock() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        writer.setDate(secondsSince1970: time.tv_sec)
    }

    /// Has the deadlines looked at when that one has passed: the loop rests until the earliest one,
    /// and looks at most once a tick.
    func wake(by deadline: Int64) {
        wakeAt = min(wakeAt, max(deadline, now + times.tick))
    }

    /// How long it may sleep if nothing happens; negative: without end.
    private var restMilliseconds: Int32 {
        let next = min(wakeAt, acceptsAgainAt, looksAt)
        guard next < .max else { return -1 }
        return Int32(clamping: (max(0, next - now) + 999_999) / 1_000_000)
    }

    private func tick() {
        wakeAt = .max
        var earliest = Int64.max
        for connection in connections {
            guard let connection else { continue }
            if connection.deadline <= now { timedOut(connection) }
            earliest = min(earliest, connection.deadline)
        }
        wake(by: earliest)
    }
}

extension Duration {
    /// In nanoseconds; a century for anything longer, so that sums do not overflow.
    var nanosecondsForTimer: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < 3_000_000_000 else { return 3_000_000_000_000_000_000 }
        return max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
