// Tokens for one upstream: requests come in from any thread, one fetch at a time goes out.

internal import Locking
internal import StatusCore

/// Shares one token, and one fetch of it, among all callers.
final class TokenSource: Sendable {
    /// Performs one fetch and calls back once, not inside the call.
    typealias Fetch =
        @Sendable (ClientCredentials, @escaping @Sendable (TokenAnswer) -> Void) -> Void
    typealias Asker = @Sendable (CredentialFailure?) -> Void

    /// The most callers that may wait for one fetch.
    static let askersMax = 10_000

    private struct State {
        var credentials: ClientCredentials
        var cache = TokenCache()
        var askers: [Asker] = []
    }

    private let state: Guarded<State>
    private let fetch: Fetch
    private let clock: @Sendable () -> Instant

    init(
        _ credentials: ClientCredentials, clock: @escaping @Sendable () -> Instant,
        fetch: @escaping Fetch
    ) {
        state = Guarded(State(credentials: credentials))
        self.clock = clock
        self.fetch = fetch
    }

    /// Calls `asker` once, immediately or at the end of the fetch; nil means that there is a token.
    func prepare(_ asker: @escaping Asker) {
        let now = clock()
        let (answer, retryIn, credentials) = state.withLock { state in
            guard state.askers.count < Self.askersMax else {
                return (
                    TokenCache.Answer.fault(Self.tooManyAskers), Duration.zero,
                    nil as ClientCredentials?
                )
            }
            let (answer, fetches) = state.cache.ask(now: now)
            if answer == .wait { state.askers.append(asker) }
            return (answer, state.cache.retryIn(now: now), fetches ? state.credentials : nil)
        }
        if let credentials { startFetch(credentials) }
        switch answer {
        case .ready: asker(nil)
        case .fault(let fault): asker(CredentialFailure(fault: fault, retryIn: retryIn))
        case .wait: break
        }
    }

    /// Whether a token is available; starts its renewal if that is due.
    func isReady() -> Bool {
        guard current() != nil else { return false }
        prepare { _ in }
        return true
    }

    /// The token for calls; nil if there is none.
    func current() -> Token? {
        let now = clock()
        return state.withLock { $0.cache.usable(now: now) }
    }

    /// Records the upstream's answer to a call with token `number`.
    func answered(number: Int, isRefusal: Bool) {
        state.withLock { $0.cache.answered(number: number, isRefusal: isRefusal) }
    }

    /// Drops the token that got a 401, if it is still the current one.
    func refuse() {
        let now = clock()
        state.withLock { $0.cache.refuse(now: now) }
    }

    /// Uses these credentials from now on. The result of a fetch with the old ones is discarded.
    func replace(_ credentials: ClientCredentials) {
        state.withLock { state in
            guard state.credentials != credentials else { return }
            state.credentials = credentials
            state.cache.reset()
        }
    }

    private func startFetch(_ credentials: ClientCredentials) {
        fetch(credentials) { [self] in end($0) }
    }

    private func end(_ outcome: TokenAnswer) {
        let now = clock()
        let (failure, askers, credentials) = state.withLock { state in
            switch state.cache.fetched(outcome, now: now) {
            case .ready: return Self.take(&state, nil, now)
            case .fault(let fault): return Self.take(&state, fault, now)
            case .wait, nil: return Self.again(&state, now: now)
            }
        }
        if let credentials { startFetch(credentials) }
        for asker in askers { asker(failure) }
    }

    private typealias Ending = (CredentialFailure?, [Asker], ClientCredentials?)

    private static func take(
        _ state: inout State, _ fault: UpstreamFault?, _ now: Instant
    ) -> Ending {
        let askers = state.askers
        state.askers = []
        let retryIn = state.cache.retryIn(now: now)
        return (fault.map { CredentialFailure(fault: $0, retryIn: retryIn) }, askers, nil)
    }

    /// The credentials were replaced during the fetch: if callers wait, another fetch starts.
    private static func again(_ state: inout State, now: Instant) -> Ending {
        guard !state.askers.isEmpty else { return (nil, [], nil) }
        let (answer, fetches) = state.cache.ask(now: now)
        switch answer {
        case .wait: return (nil, [], fetches ? state.credentials : nil)
        case .ready: return take(&state, nil, now)
        case .fault(let fault): return take(&state, fault, now)
        }
    }

    private static let tooManyAskers = UpstreamFault(
        kind: .tokenUnavailable, message: "over \(askersMax) calls wait for a token")
}
