// One epoll set and its connections. Readiness events come in, and are handled in the other files
// of this type; this file has the clock and the timer.

import CLinux
import Dispatch
import Glibc
import HTTPWire

/// Serves a share of the connections on one serial queue, which it occupies from start to stop: it
/// sleeps in `epoll_wait`. A Dispatch source on the epoll set would wake one more thread for each
/// batch of events.
///
/// `@unchecked Sendable`: every stored `var` is touched on the loop's queue only, after `start()`;
/// before, only the server's initialiser uses the loop. `Exchange`, `Server` and other loops use
/// `post`. The suite runs under the thread sanitizer.
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
    /// Whether a connection may have become idle since the last scan.
    var mayHaveIdle = true

    var listeners: [Listener] = []
    /// All loops of the server, which a newcomer asks for a place; empty while it drains.
    var siblings: [EventLoop] = []
    /// Loops that get accepted connections in turn; empty: they stay on this loop.
    var receivers: [EventLoop] = []
    var nextReceiver = 0
    /// Whether there has been no descriptor for a new connection since the last attempt.
    var isShort = false

    /// The buffer for reading, after a connection's kept input.
    let scratch: UnsafeMutableBufferPointer<UInt8>
    var head = RequestHead()
    var writer = ResponseWriter()
    /// Whether the tally counts the loop as accepting, even without its own listener.
    var isAccepting = true
    var isDraining = false
    private var isStopped = false
    /// Called once the loop has stopped; nil if it is not running.
    private var whenStopped: [@Sendable () -> Void]?
    /// The loop's clock: monotonic nanoseconds, read once for each batch of events.
    var now: Int64 = 0
    /// When deadlines are checked next, on the loop's clock.
    private var wakeAt = Int64.max
    /// The number of connections that keep answers for their peers, and when they are checked.
    var keepers = 0
    var paceCheckAt = Int64.max
    /// When accepting resumes after a lack of descriptors.
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

    /// The most bytes of one read.
    static let readBytes = 32 * 1024
    static let eventsMax = 256
    /// Connections' tokens never have this bit. Listeners' tokens follow it.
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
        // At most a partial head and a partial chunk line are kept.
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

    /// Runs `work` on the loop's queue. From any thread.
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
        // If the loop is not running, there is nothing to wait for.
        if whenStopped?.append(done) == nil { done() }
    }

    // MARK: Events

    private func run() {
        whenStopped = []
        while !isStopped {
            let count = linux_epoll_wait(
                epoll, events, Int32(Self.eventsMax), inbox.mayRest() ? restMilliseconds : 0)
            precondition(count >= 0 || errno == EINTR, "the epoll set was closed")
            readClock()
            for work in inbox.take() { work() }
            for index in 0..<max(0, Int(count)) { take(events[index]) }
            if acceptsAgainAt <= now { resumeAccepting() }
            if paceCheckAt <= now { checkPaces() }
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

    /// The connection of a token; nil if it has been closed.
    func connection(of token: UInt64) -> Connection? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < connections.count, let connection = connections[slot],
            connection.token == token
        else { return nil }
        return connection
    }

    // MARK: Time

    /// Read once for each batch, without a system call. At the limit of connections, the order in
    /// which they became idle matters, over all loops; a coarse clock has steps of 4 ms. For the
    /// date that is enough.
    func readClock() {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        writer.setDate(secondsSince1970: time.tv_sec)
    }

    /// Plans a check of the deadlines when that one has passed: the loop sleeps until the earliest
    /// one, and checks at most once a tick.
    func wake(by deadline: Int64) {
        wakeAt = min(wakeAt, max(deadline, now + times.tick))
    }

    /// How long the loop may sleep without events; negative: indefinitely.
    private var restMilliseconds: Int32 {
        let next = min(wakeAt, acceptsAgainAt, paceCheckAt)
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
    /// In nanoseconds, at most a century, so that sums do not overflow.
    var nanosecondsForTimer: Int64 {
        let (seconds, attoseconds) = components
        guard seconds < 3_000_000_000 else { return 3_000_000_000_000_000_000 }
        return max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
