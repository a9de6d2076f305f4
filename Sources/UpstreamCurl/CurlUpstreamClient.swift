// The client of one upstream: action ids come in, raw HTTP answers go out.

internal import Locking
public import StatusCore

/// Calls one upstream through a shared ``CurlMulti``.
///
/// Replies are made on the multi's queue, never inside a call to the client, and must not block it.
/// Only `prepare` replies at once if nothing has to be waited for.
public final class CurlUpstreamClient: UpstreamClient {
    private let multi: CurlMulti
    private let endpoint: UpstreamEndpoint
    private let clock: @Sendable () -> Instant
    private let trust: TrustAnchors
    private let limits: ResponseLimits
    private let identity: Guarded<Identity>
    private let leftAloneUntil = Guarded(Instant.distantPast)

    /// The current credentials.
    private enum Identity {
        case fixed([UpstreamReply.Field])
        case fetched(TokenSource)
    }

    /// `clock` reads the process's monotonic clock (CLOCK_BOOTTIME), as `Instant` requires.
    public convenience init(
        multi: CurlMulti, endpoint: UpstreamEndpoint, clock: @escaping @Sendable () -> Instant
    ) {
        self.init(
            multi: multi, endpoint: endpoint, clock: clock,
            trust: TrustAnchors(extraFile: endpoint.caFile), limits: ResponseLimits())
    }

    init(
        multi: CurlMulti, endpoint: UpstreamEndpoint, clock: @escaping @Sendable () -> Instant,
        trust: TrustAnchors, limits: ResponseLimits
    ) {
        self.multi = multi
        self.endpoint = endpoint
        self.clock = clock
        self.trust = trust
        self.limits = limits
        let fetch = Self.fetch(multi: multi, endpoint: endpoint, clock: clock, trust: trust)
        identity = Guarded(Self.makeIdentity(endpoint.credentials, clock: clock, fetch: fetch))
    }

    // MARK: - UpstreamClient

    public func prepare(reply: @escaping @Sendable (CredentialFailure?) -> Void) {
        let multi = multi
        switch identity.withLock({ $0 }) {
        case .fixed: reply(nil)
        case .fetched(let tokens):
            tokens.prepare { failure in multi.onQueue { reply(failure) } }
        }
    }

    public func isPrepared() -> Bool {
        switch identity.withLock({ $0 }) {
        case .fixed: true
        case .fetched(let tokens): tokens.isReady()
        }
    }

    public func call(
        _ id: ActionID, sendBefore: Instant, trace: String?,
        reply: @escaping @Sendable (UpstreamCallReport) -> Void
    ) {
        switch identity.withLock({ $0 }) {
        case .fixed(let fields):
            let request = request(endpoint.url(of: id), sendBefore, fields, trace)
            multi.start(request, clock: clock, reply: reply)
        case .fetched(let tokens):
            call(id, sendBefore: sendBefore, trace: trace, tokens: tokens, reply: reply)
        }
    }

    public func refuseCredential() {
        guard case .fetched(let tokens) = identity.withLock({ $0 }) else { return }
        tokens.refuse()
    }

    /// Takes effect at once when called on the thread of the multi's target: a transfer checks
    /// right before it sends.
    public func leaveAlone(until: Instant) {
        leftAloneUntil.withLock { $0 = max($0, until) }
    }

    /// Connects as for a call, including the TLS handshake, and sends no request. `reply` gets the
    /// failure; nil on success.
    public func connect(reply: @escaping @Sendable (TransportFailure?) -> Void) {
        var request = request(endpoint.baseURL.text, .distantPast, [], nil)
        request.sharesConnections = false
        multi.start(request, clock: clock) { report in
            // The send guard runs once the connection is established, and refuses.
            guard case .failure(let failure) = report.result, failure.kind != .slotExpired else {
                return reply(nil)
            }
            reply(failure)
        }
    }

    // MARK: - Credentials

    /// Uses these credentials from the next call on. Equal credentials change nothing, and keep the
    /// token.
    public func updateCredentials(_ credentials: UpstreamCredentials) throws(EndpointFailure) {
        try credentials.check()
        let fetch = Self.fetch(multi: multi, endpoint: endpoint, clock: clock, trust: trust)
        identity.withLock { identity in
            if case .fetched(let tokens) = identity, case .clientCredentials(let new) = credentials
            {
                tokens.replace(new)
            } else {
                identity = Self.makeIdentity(credentials, clock: clock, fetch: fetch)
            }
        }
    }

    private static func makeIdentity(
        _ credentials: UpstreamCredentials, clock: @escaping @Sendable () -> Instant,
        fetch: @escaping TokenSource.Fetch
    ) -> Identity {
        switch credentials {
        case .fields(let fields): .fixed(fields.map(\.field))
        case .clientCredentials(let client):
            .fetched(TokenSource(client, clock: clock, fetch: fetch))
        }
    }

    private static func authorization(_ token: Secret) -> UpstreamReply.Field {
        UpstreamReply.Field("Authorization", "Bearer \(token.text)")
    }

    // MARK: - Calls

    /// A call reports the result for its own token's number, so that a late 401 cannot affect a
    /// newer token.
    private func call(
        _ id: ActionID, sendBefore: Instant, trace: String?, tokens: TokenSource,
        reply: @escaping @Sendable (UpstreamCallReport) -> Void
    ) {
        guard let token = tokens.current() else {
            let failure = TransportFailure(
                kind: .tokenUnavailable, detail: "there is no valid token; nothing was sent")
            let report = UpstreamCallReport(
                result: .failure(failure), sentAt: nil, endedAt: clock())
            return multi.onQueue { reply(report) }
        }
        let request = request(
            endpoint.url(of: id), sendBefore, [Self.authorization(token.value)], trace)
        multi.start(request, clock: clock) { report in
            if case .success(let answer) = report.result {
                tokens.answered(number: token.number, isRefusal: answer.status == 401)
            }
            reply(report)
        }
    }

    private func request(
        _ url: String, _ sendBefore: Instant, _ fields: [UpstreamReply.Field], _ trace: String?
    ) -> CurlRequest {
        let trace = trace.map { [UpstreamReply.Field("traceparent", $0)] } ?? []
        return CurlRequest(
            url: url, destination: endpoint.baseURL.text,
            scheme: endpoint.baseURL.scheme, isLoopback: endpoint.baseURL.isLoopback,
            fields: fields + trace, form: nil, userAgent: endpoint.userAgent,
            timeout: endpoint.timeout, sendBefore: sendBefore, leftAloneUntil: leftAloneUntil,
            trust: trust, limits: limits)
    }

    /// A token is requested on a new connection: after such a long interval a kept one would be
    /// dead, and the request is never repeated.
    private static func fetch(
        multi: CurlMulti, endpoint: UpstreamEndpoint, clock: @escaping @Sendable () -> Instant,
        trust: TrustAnchors
    ) -> TokenSource.Fetch {
        { client, end in
            let request = CurlRequest(
                url: client.tokenURL.text, destination: client.tokenURL.text,
                scheme: client.tokenURL.scheme, isLoopback: client.tokenURL.isLoopback, fields: [],
                form: TokenRequest.form(client), basic: TokenRequest.basic(client),
                userAgent: endpoint.userAgent, timeout: endpoint.timeout,
                sendBefore: .distantFuture, trust: trust,
                limits: ResponseLimits(bodyBytesMax: TokenAnswer.bodyBytesMax),
                sharesConnections: false)
            multi.start(request, clock: clock) { end(TokenAnswer.read($0.result)) }
        }
    }
}
