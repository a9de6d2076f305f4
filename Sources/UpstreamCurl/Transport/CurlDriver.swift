// Drives libcurl's multi interface by readiness: ready sockets and expired timers come in,
// transfers advance and end.

internal import CCurl
internal import Dispatch
internal import Glibc
internal import StatusCore

/// Runs transfers on its queue.
///
/// The sockets are in one epoll set, and one dispatch source watches the *set*. So there are no
/// sources for single sockets, whose cancellation would have to finish before libcurl closes the
/// socket and its number is reused. Closing removes a socket from the set, and a readiness event
/// for a reused number only causes a spurious call, which libcurl accepts.
///
/// `@unchecked Sendable`: `queue` is a constant; everything else is touched only on `queue`, by the
/// two sources' handlers, by `start` and `shutDown` (both preconditions) and by libcurl's
/// callbacks, which run inside those. The sources' handlers retain the driver until `shutDown`,
/// which closes the multi handle, so libcurl never calls a deallocated driver.
final class CurlDriver: @unchecked Sendable {
    let queue: DispatchQueue
    private var multi: MultiHandle
    let readySockets: EpollSet
    private let limits: CurlMulti.Limits
    private let turns: BodyTurns
    private let readiness: any DispatchSourceRead
    let timer: any DispatchSourceTimer
    private let pulse: any DispatchSourceTimer
    /// The running transfers, by their handle.
    private var transfers: [UnsafeMutableRawPointer: CurlTransfer] = [:]
    /// The number of running transfers by destination; never 0.
    private var counts: [String: Int] = [:]
    var isShutDown = false
    private var isPulsing = false
    /// When libcurl has to be called, and when the timer will fire, which is not later.
    var due = DispatchTime.distantFuture
    var armed = DispatchTime.distantFuture

    /// How often sockets are checked even if none is ready: an answer that a resumed process finds
    /// arrived after the last check.
    private static let pulseInterval = DispatchTimeInterval.milliseconds(250)

    /// The most batches of ready sockets before the queue's other work has its turn.
    private static let batchesMax = 16

    static func make(
        limits: CurlMulti.Limits, target: DispatchQueue? = nil
    ) throws(CurlSetupFailure) -> CurlDriver {
        guard let multi = MultiHandle() else { throw CurlSetupFailure("curl_multi_init failed") }
        guard let set = EpollSet() else {
            throw CurlSetupFailure("epoll_create1: \(String(cString: strerror(errno)))")
        }
        let driver = CurlDriver(
            multi: multi, readySockets: set, limits: limits,
            queue: DispatchQueue(label: "upstream-curl", target: target))
        driver.activate()
        do throws(CurlSetupFailure) {
            // No handler runs yet: the set is empty, and the timer is not armed.
            try driver.configure()
        } catch {
            driver.queue.async { driver.shutDown() }
            throw error
        }
        return driver
    }

    private init(
        multi: consuming MultiHandle, readySockets: consuming EpollSet, limits: CurlMulti.Limits,
        queue: DispatchQueue
    ) {
        self.queue = queue
        readiness = DispatchSource.makeReadSource(
            fileDescriptor: readySockets.descriptor, queue: queue)
        timer = DispatchSource.makeTimerSource(queue: queue)
        pulse = DispatchSource.makeTimerSource(queue: queue)
        self.multi = multi
        self.readySockets = readySockets
        self.limits = limits
        turns = BodyTurns(limits, queue: queue)
    }

    private func configure() throws(CurlSetupFailure) {
        let context = Unmanaged.passUnretained(self).toOpaque()
        try multi.check(door_multi_on_socket(multi.pointer, watchSocket, context))
        try multi.check(door_multi_on_timer(multi.pointer, setTimer, context))
        try multi.set(CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        try multi.set(CURLMOPT_MAXCONNECTS, limits.idleConnections)
    }

    /// The handlers hold the driver until `shutDown` cancels the sources.
    private func activate() {
        readiness.setEventHandler { self.takeReadySockets() }
        // The set stays open until the source has been cancelled.
        readiness.setCancelHandler { withExtendedLifetime(self) {} }
        timer.setEventHandler { self.timerFired() }
        pulse.setEventHandler { self.lookAround() }
        readiness.activate()
        timer.activate()
        pulse.activate()
    }

    /// Must be called on the queue.
    func start(
        _ request: CurlRequest, clock: @escaping @Sendable () -> Instant,
        reply: @escaping @Sendable (UpstreamCallReport) -> Void
    ) {
        dispatchPrecondition(condition: .onQueue(queue))
        do throws(CurlSetupFailure) {
            try checkRoom(request)
            guard let handle = EasyHandle() else {
                throw CurlSetupFailure("curl_easy_init", CURLE_OUT_OF_MEMORY)
            }
            let transfer = CurlTransfer(
                handle: handle, request: request, turns: turns, clock: clock, reply: reply)
            try transfer.configure()
            try multi.check(curl_multi_add_handle(multi.pointer, transfer.handle.pointer))
            transfers[transfer.handle.pointer] = transfer
            counts[request.destination, default: 0] += 1
            startPulse()
        } catch {
            let failure = TransportFailure(kind: .outOfResources, detail: error.description)
            reply(UpstreamCallReport(result: .failure(failure), sentAt: nil, endedAt: clock()))
        }
    }

    private func checkRoom(_ request: CurlRequest) throws(CurlSetupFailure) {
        guard !isShutDown else { throw CurlSetupFailure("the transport is closed") }
        guard transfers.count < limits.transfers else {
            throw CurlSetupFailure("over \(limits.transfers) transfers at once")
        }
        guard counts[request.destination, default: 0] < limits.transfersPerDestination else {
            throw CurlSetupFailure(
                "over \(limits.transfersPerDestination) transfers at once to one upstream")
        }
    }

    /// Ends all transfers and closes all connections. Must be called on the queue; a second call
    /// does nothing.
    func shutDown() {
        dispatchPrecondition(condition: .onQueue(queue))
        guard !isShutDown else { return }
        isShutDown = true
        endAll("the transport was closed")
        multi.close()
        readiness.cancel()
        timer.cancel()
        pulse.cancel()
    }

    // MARK: - Advancing

    /// True when all ready sockets have been handled.
    @discardableResult
    private func takeReadySockets() -> Bool {
        withUnsafeTemporaryAllocation(of: door_ready_socket.self, capacity: Int(DOOR_READY_MAX)) {
            guard let ready = $0.baseAddress else { return false }
            for _ in 0..<Self.batchesMax {
                let count = readySockets.take(into: ready)
                for index in 0..<count { act(ready[index].socket, ready[index].readiness) }
                if count < Int(DOOR_READY_MAX) { return true }
            }
            return false
        }
    }

    /// It keeps running between transfers, since setting a timer involves another thread.
    private func startPulse() {
        guard !isPulsing else { return }
        isPulsing = true
        pulse.schedule(
            deadline: .now() + Self.pulseInterval, repeating: Self.pulseInterval,
            leeway: .milliseconds(20))
    }

    private func lookAround() {
        guard takeReadySockets() else { return }
        for transfer in transfers.values { transfer.lookedInVain() }
        guard transfers.isEmpty else { return }
        isPulsing = false
        pulse.schedule(deadline: .distantFuture)
    }

    /// Lets libcurl handle one socket, or its time-outs.
    func act(_ socket: curl_socket_t, _ readiness: Int32) {
        var running: Int32 = 0
        let code = curl_multi_socket_action(multi.pointer, socket, readiness, &running)
        endDone()
        guard code != CURLM_OK else { return }
        // Memory is exhausted, or libcurl's state is invalid: no caller may wait for an end that
        // will not come.
        endAll("curl_multi_socket_action: \(String(cString: curl_multi_strerror(code)))")
    }

    /// Removes finished transfers from the multi handle before it replies, since a reply may take
    /// long.
    private func endDone() {
        var ended: [(CurlTransfer, Result<UpstreamReply, TransportFailure>)] = []
        var code = CURLE_OK
        while let pointer = door_multi_next_done(multi.pointer, &code) {
            guard let transfer = transfers.removeValue(forKey: pointer) else { continue }
            ended.append((transfer, transfer.result(of: code)))
            release(transfer)
        }
        for (transfer, result) in ended { transfer.report(result) }
    }

    private func endAll(_ detail: String) {
        let ended = transfers.values
        transfers = [:]
        for transfer in ended { release(transfer) }
        let failure = TransportFailure(kind: .connectionLost, detail: detail)
        for transfer in ended { transfer.report(.failure(failure)) }
    }

    /// Removes the transfer from the multi handle and the counts. Fails only for a handle that is
    /// not in the multi handle, which would be our own mistake.
    private func release(_ transfer: CurlTransfer) {
        turns.forget(transfer)
        let left = counts[transfer.request.destination, default: 1] - 1
        counts[transfer.request.destination] = left > 0 ? left : nil
        let code = curl_multi_remove_handle(multi.pointer, transfer.handle.pointer)
        precondition(code == CURLM_OK, "a running transfer was not in the multi handle")
    }
}

// MARK: - Callbacks
// Both run on the driver's queue, inside calls to libcurl. `context` is the driver, which owns the
// multi handle, so it exists as long as libcurl can call.

private let watchSocket: curl_socket_callback = { _, socket, what, context, _ in
    CurlDriver.from(context)?.watch(socket, what)
    return 0
}

private let setTimer: curl_multi_timer_callback = { _, milliseconds, context in
    CurlDriver.from(context)?.wake(afterMilliseconds: milliseconds)
    return 0
}
