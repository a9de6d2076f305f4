// The entry point for all transfers: requests come in from any thread, reports go out on one queue.

internal import CCurl
public import Dispatch
internal import Glibc
internal import StatusCore

/// Performs thousands of transfers at once on one serial queue, without a thread per call.
///
/// Shared by the clients of all upstreams. Every reply is made on the multi's own queue and must
/// not block it. The process must ignore SIGPIPE: libcurl leaves signals alone (`NOSIGNAL`), and
/// TLS writes to a socket that the peer has closed.
public final class CurlMulti: Sendable {
    /// The most transfers at a time; a further one fails at once. libcurl's own limits on
    /// connections are not used: 7.88.1 ignores the deadline of a transfer that waits for a
    /// connection. With HTTP/1.1 there are at most as many connections as transfers, plus idle
    /// ones.
    public static let transfersMax = 4096
    /// The most transfers to one destination, so that a hung upstream leaves room for others.
    public static let transfersPerDestinationMax = 1024
    /// The most large answers of one destination in memory at a time, being received or read.
    public static let largeBodiesPerDestinationMax = 4
    /// The same for all destinations together; but each may always have one.
    public static let largeBodiesMax = 8
    /// The most connections that are kept after use.
    public static let idleConnectionsMax = 32
    /// A connection that was idle longer is not reused. This is short, because a request on a
    /// connection that the upstream has just closed is a lost call (it is never repeated), which
    /// costs an action a whole interval, while a new connection costs a handshake. The usual
    /// keep-alive times of servers and load balancers start at 60 s, some at 15 s.
    static let idleSecondsMax = 10
    /// An older connection is not reused, so that changed addresses take effect.
    static let connectionSecondsMax = 600

    /// Tests make them few.
    struct Limits: Sendable {
        var transfers = CurlMulti.transfersMax
        var transfersPerDestination = CurlMulti.transfersPerDestinationMax
        var largeBodiesPerDestination = CurlMulti.largeBodiesPerDestinationMax
        var largeBodies = CurlMulti.largeBodiesMax
        var idleConnections = CurlMulti.idleConnectionsMax
    }

    private let driver: CurlDriver

    /// The first instance removes `SSLKEYLOGFILE` from the environment: create it while no other
    /// thread reads the environment.
    ///
    /// - Parameter target: A serial queue whose thread the transfers share with the work that
    ///   starts them: switching to another thread would cost more than that work.
    public convenience init(target: DispatchQueue? = nil) throws(CurlSetupFailure) {
        try self.init(limits: Limits(), target: target)
    }

    init(limits: Limits, target: DispatchQueue? = nil) throws(CurlSetupFailure) {
        guard Self.globalCode == CURLE_OK else {
            throw CurlSetupFailure("curl_global_init", Self.globalCode)
        }
        driver = try CurlDriver.make(limits: limits, target: target)
    }

    deinit { close {} }

    /// Starts a transfer. `reply` is called exactly once.
    func start(
        _ request: CurlRequest, clock: @escaping @Sendable () -> Instant,
        reply: @escaping @Sendable (UpstreamCallReport) -> Void
    ) {
        driver.queue.async { [driver] in driver.start(request, clock: clock, reply: reply) }
    }

    /// Runs `work` on the queue on which replies are made.
    func onQueue(_ work: @escaping @Sendable () -> Void) {
        driver.queue.async(execute: work)
    }

    /// Ends all transfers (as lost connections), closes all connections, then calls `reply`. Later
    /// transfers fail at once.
    public func close(reply: @escaping @Sendable () -> Void) {
        driver.queue.async { [driver] in
            driver.shutDown()
            reply()
        }
    }

    /// libcurl's process-wide initialisation, done once before its first use and never undone.
    /// libcurl would write the keys of all TLS connections to the file that this variable names,
    /// and anyone with recorded traffic could read it.
    private static let globalCode: CURLcode = {
        unsetenv("SSLKEYLOGFILE")
        return curl_global_init(Int(CURL_GLOBAL_DEFAULT))
    }()
}
