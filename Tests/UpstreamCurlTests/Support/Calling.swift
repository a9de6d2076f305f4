// A clock, endpoints for a loopback server, and awaitable calls, for tests.

import Glibc
import Locking
import StatusCore

@testable import UpstreamCurl

/// CLOCK_BOOTTIME.
@Sendable func bootTime() -> Instant {
    var time = timespec()
    precondition(clock_gettime(CLOCK_BOOTTIME, &time) == 0, "no clock")
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
}

/// Stands still unless the test moves it.
final class TestClock: Sendable {
    private let now = Guarded(Instant(nanoseconds: 1_000_000_000))

    var read: @Sendable () -> Instant { { [self] in now.withLock { $0 } } }

    func advance(_ span: Duration) { now.withLock { $0 = $0 + span } }
}

func id(_ text: String = "a1") -> ActionID {
    guard let id = ActionID(text) else { preconditionFailure("not an id: \(text)") }
    return id
}

let testToken = "t0ken-that-nobody-may-see"

extension UpstreamEndpoint {
    static func test(
        _ url: String, path: String = "/v2/orders/actions/{id}", timeout: Duration = .seconds(20),
        caFile: String? = nil, credentials: UpstreamCredentials = .bearer(Secret(testToken))
    ) throws -> UpstreamEndpoint {
        try UpstreamEndpoint(
            baseURL: UpstreamURL(url), path: path, timeout: timeout, caFile: caFile,
            userAgent: "status-proxy/test", credentials: credentials)
    }
}

extension CurlUpstreamClient {
    func call(
        _ id: ActionID, sendBefore: Instant = .distantFuture, trace: String? = nil
    ) async -> UpstreamCallReport {
        await withCheckedContinuation { continuation in
            call(id, sendBefore: sendBefore, trace: trace) { continuation.resume(returning: $0) }
        }
    }

    func connect() async -> TransportFailure? {
        await withCheckedContinuation { continuation in
            connect { continuation.resume(returning: $0) }
        }
    }

    func prepare() async -> UpstreamFault? { await credentialFailure()?.fault }

    func credentialFailure() async -> CredentialFailure? {
        await withCheckedContinuation { continuation in
            prepare { continuation.resume(returning: $0) }
        }
    }
}

extension CurlMulti {
    func run(
        _ request: CurlRequest, clock: @escaping @Sendable () -> Instant = bootTime
    ) async -> UpstreamCallReport {
        await withCheckedContinuation { continuation in
            start(request, clock: clock) { continuation.resume(returning: $0) }
        }
    }

    func close() async {
        await withCheckedContinuation { continuation in
            close { continuation.resume() }
        }
    }
}

extension UpstreamCallReport {
    var reply: UpstreamReply? { try? result.get() }

    var failure: TransportFailure? {
        guard case .failure(let failure) = result else { return nil }
        return failure
    }
}

/// Runs `script` as the upstream, passes a client of it to `use`, then waits for the server's end.
/// Returns the requests that arrived.
@discardableResult
func withUpstream(
    timeout: Duration = .seconds(20), limits: ResponseLimits = ResponseLimits(),
    _ script: @escaping @Sendable (Peer) -> Void,
    use: (CurlUpstreamClient, LoopbackServer) async throws -> Void
) async throws -> [String] {
    let server = LoopbackServer(script)
    let multi = try CurlMulti()
    let client = CurlUpstreamClient(
        multi: multi, endpoint: try .test(server.url, timeout: timeout), clock: bootTime,
        trust: TrustAnchors(), limits: limits)
    do {
        try await use(client, server)
    } catch {
        await multi.close()
        await server.finish()
        throw error
    }
    await multi.close()
    await server.finish()
    return server.requests
}

extension UpstreamCredentials {
    static func applicationKeys(appID: String, token: Secret) -> UpstreamCredentials {
        .fields([
            CredentialField(name: "X-App-Id", Secret(appID), part: .applicationID),
            CredentialField(name: "X-App-Token", token, part: .applicationToken),
        ])
    }
}
