// Decides when a token is used, renewed, dropped and fetched: events and `now` come in, decisions
// go out. No clock, queue or network.

internal import StatusCore

/// A token in use. Its number distinguishes it from earlier ones, so that a late 401 affects only
/// its own token.
struct Token: Sendable, Equatable {
    let value: Secret
    let number: Int
    /// From this time on a new token is fetched, while this one is still used.
    let renewAt: Instant
    /// The token is never used at or after this time.
    let expiresAt: Instant

    /// A token is renewed in the last fifth of its life, at most this long before its end.
    static let renewAheadMax = Duration.seconds(300)
    /// Not used this close to its end, since a token could expire in transit.
    static let travelTimeMax = Duration.seconds(2)

    init(_ fetched: FetchedToken, number: Int, askedAt: Instant) {
        value = fetched.value
        self.number = number
        renewAt = askedAt + (fetched.lifetime - min(Self.renewAheadMax, fetched.lifetime / 5))
        expiresAt = askedAt + (fetched.lifetime - min(Self.travelTimeMax, fetched.lifetime / 10))
    }
}

/// Keeps one token. At most one fetch is under way at any time.
struct TokenCache {
    enum Answer: Equatable {
        case ready
        /// The answer comes at the end of the fetch.
        case wait
        case fault(UpstreamFault)
    }

    private var token: Token?
    private var lastNumber = 0
    private var fetch = Fetch.idle
    /// Why there is no token, and until when no fetch starts.
    private var trouble: Trouble?
    private var fetchFailuresInRow = 0
    /// The number of new tokens in a row that got a 401.
    private var refusalsInRow = 0
    /// The newest token that got a 401.
    private var refusedNumber = 0

    private enum Fetch: Equatable {
        case idle
        case running(askedAt: Instant)
        /// The credentials were replaced meanwhile: the result is not used.
        case outdated
    }

    private struct Trouble {
        let fault: UpstreamFault
        let until: Instant
    }

    static let backOffMin = Duration.seconds(1)
    static let backOffMax = Duration.seconds(60)

    /// Requests a token. `fetches`: the caller must start a fetch now.
    mutating func ask(now: Instant) -> (answer: Answer, fetches: Bool) {
        if let token = usable(now: now) {
            return (.ready, now >= token.renewAt && startFetch(now: now))
        }
        if fetch != .idle { return (.wait, false) }
        if startFetch(now: now) { return (.wait, true) }
        return (.fault(trouble?.fault ?? Self.noToken), false)
    }

    /// The token for calls; nil if there is none.
    func usable(now: Instant) -> Token? {
        guard let token, now < token.expiresAt else { return nil }
        return token
    }

    /// Takes the result of the fetch. Nil: its credentials were replaced; if anyone waits, ask
    /// again.
    mutating func fetched(_ answer: TokenAnswer, now: Instant) -> Answer? {
        guard case .running(let askedAt) = fetch else {
            fetch = .idle
            return nil
        }
        fetch = .idle
        switch answer {
        case .token(let fetched):
            lastNumber += 1
            token = Token(fetched, number: lastNumber, askedAt: askedAt)
            trouble = nil
            fetchFailuresInRow = 0
            if usable(now: now) != nil { return .ready }
            return fail(Self.expiredOnArrival, now: now)
        case .fault(let fault, let retryAfter):
            return fail(fault, retryAfter: retryAfter ?? .zero, now: now)
        }
    }

    /// How long until a fetch may start.
    func retryIn(now: Instant) -> Duration { trouble.map { max(.zero, $0.until - now) } ?? .zero }

    /// Records the upstream's answer to a call with this token.
    mutating func answered(number: Int, isRefusal: Bool) {
        if isRefusal {
            refusedNumber = max(refusedNumber, number)
        } else if number == token?.number {
            refusalsInRow = 0
        }
    }

    /// Drops the token that got a 401, unless it has been replaced since: 1. calls A and B are sent
    /// with token 1; 2. A gets a 401, token 1 is dropped; 3. token 2 is fetched; 4. B gets a 401,
    /// which does not concern token 2.
    ///
    /// The next token is fetched at once. If the upstream refuses that one too, the following
    /// fetches wait for a back-off: otherwise a misconfigured upstream would cause a fetch for
    /// every call.
    mutating func refuse(now: Instant) {
        guard let token, token.number <= refusedNumber else { return }
        self.token = nil
        refusalsInRow += 1
        guard refusalsInRow > 1 else { return }
        trouble = Trouble(
            fault: Self.newTokensRefused, until: now + Self.backOff(after: refusalsInRow - 1))
    }

    /// Resets everything for new credentials.
    mutating func reset() {
        token = nil
        trouble = nil
        fetchFailuresInRow = 0
        refusalsInRow = 0
        if fetch != .idle { fetch = .outdated }
    }

    private mutating func startFetch(now: Instant) -> Bool {
        guard fetch == .idle else { return false }
        if let trouble, now < trouble.until { return false }
        fetch = .running(askedAt: now)
        return true
    }

    /// An older token may still serve while its renewal fails.
    private mutating func fail(
        _ fault: UpstreamFault, retryAfter: Duration = .zero, now: Instant
    ) -> Answer {
        // After a local resource exhaustion the token endpoint has not been called.
        if fault.kind != .outOfResources { fetchFailuresInRow += 1 }
        let wait = max(retryAfter, Self.backOff(after: fetchFailuresInRow))
        trouble = Trouble(fault: fault, until: now + wait)
        return usable(now: now) == nil ? .fault(fault) : .ready
    }

    /// 1 s after the first failure, then doubling.
    static func backOff(after failures: Int) -> Duration {
        let doublings = min(max(0, failures - 1), 16)
        return min(backOffMax, backOffMin * (1 << doublings))
    }

    static let noToken = UpstreamFault(kind: .tokenUnavailable, message: "there is no token")
    private static let expiredOnArrival = UpstreamFault(
        kind: .tokenUnavailable, message: "the token had expired on arrival")
    private static let newTokensRefused = UpstreamFault(
        kind: .tokenRefused, httpStatus: 401, message: "the upstream refused newly fetched tokens")
}
