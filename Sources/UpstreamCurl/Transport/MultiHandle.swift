// libcurl's multi handle and the epoll set of its sockets, as values that close themselves.

internal import CCurl
internal import Glibc

/// Owns a `CURLM` and the connections in its cache. Must have no transfers at the end of its life.
struct MultiHandle: ~Copyable {
    /// Nil once it has been closed.
    private(set) var pointer: UnsafeMutableRawPointer?

    /// Nil when memory is exhausted.
    init?() {
        guard let pointer = curl_multi_init() else { return nil }
        self.pointer = pointer
    }

    deinit { Self.cleanUp(pointer) }

    /// Closes all connections; libcurl's callbacks may run during this call for the last time.
    mutating func close() {
        let closing = pointer
        pointer = nil
        Self.cleanUp(closing)
    }

    private static func cleanUp(_ pointer: UnsafeMutableRawPointer?) {
        guard let pointer else { return }
        let code = curl_multi_cleanup(pointer)
        precondition(code == CURLM_OK, "the multi handle was in use when it was closed")
    }

    func set(_ option: CURLMoption, _ value: Int) throws(CurlSetupFailure) {
        try check(door_multi_set_long(pointer, option, value))
    }

    func check(_ code: CURLMcode) throws(CurlSetupFailure) {
        guard code != CURLM_OK else { return }
        throw CurlSetupFailure("curl_multi", code)
    }
}

/// Owns an epoll descriptor.
struct EpollSet: ~Copyable {
    let descriptor: Int32

    /// Nil when there is no descriptor left; errno has the cause.
    init?() {
        let descriptor = door_epoll_open()
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    /// The kernel releases the number even when close reports an error.
    deinit { _ = Glibc.close(descriptor) }

    /// False if the kernel refuses.
    func watch(_ socket: Int32, _ what: Int32) -> Bool {
        door_epoll_watch(descriptor, socket, what) == 0
    }

    func forget(_ socket: Int32) -> Bool {
        door_epoll_forget(descriptor, socket) == 0
    }

    /// Takes the ready sockets without waiting. After an interruption the set is still ready, so
    /// its source fires again.
    func take(into ready: UnsafeMutablePointer<door_ready_socket>) -> Int {
        let count = door_epoll_take(descriptor, ready)
        precondition(count >= 0 || errno == EINTR, "the epoll set was closed")
        return max(0, Int(count))
    }
}
