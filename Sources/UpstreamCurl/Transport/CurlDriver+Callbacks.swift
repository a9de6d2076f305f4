// What libcurl asks of the driver: sockets to watch and a timer to set.

internal import CCurl
internal import Dispatch
internal import Glibc
internal import StatusCore

extension CurlDriver {
    static func from(_ context: UnsafeMutableRawPointer?) -> CurlDriver? {
        context.map { Unmanaged<CurlDriver>.fromOpaque($0).takeUnretainedValue() }
    }

    /// If the kernel cannot watch a socket (no memory), its transfer ends by its deadline.
    /// Reporting an error to libcurl would end all transfers.
    func watch(_ socket: curl_socket_t, _ what: Int32) {
        if what == CURL_POLL_REMOVE {
            _ = readySockets.forget(socket)
        } else {
            _ = readySockets.watch(socket, what)
        }
    }

    /// Negative: no timer. libcurl must not be called from here, so 0 queues a call.
    func wake(afterMilliseconds milliseconds: Int) {
        due = milliseconds > 0 ? .now() + .milliseconds(milliseconds) : .distantFuture
        if milliseconds == 0 { queue.async { self.actOnTimeOut() } }
        arm()
    }

    /// Setting a timer involves another thread, and libcurl requests a new one several times in
    /// each transfer, mostly later than the last: so an armed timer is only moved to an earlier
    /// time.
    private func arm() {
        guard due < armed else { return }
        armed = due
        timer.schedule(deadline: due)
    }

    func timerFired() {
        armed = .distantFuture
        guard due <= .now() else { return arm() }
        due = .distantFuture
        actOnTimeOut()
    }

    private func actOnTimeOut() {
        guard !isShutDown else { return }
        act(CURL_SOCKET_TIMEOUT, 0)
    }
}
