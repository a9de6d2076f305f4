// Stops calling an upstream that keeps failing, and probes with single calls whether it has
// recovered.

/// A circuit breaker: closed, open until a time, then half-open for one probe at a time.
///
/// closed → open (5 failures in a row) → half-open (time is over) → closed (probe succeeded) or open
/// for twice as long (probe failed).
struct Breaker: Sendable {
    static let failuresMax = 5
    static let firstPause = Duration.seconds(1)
    static let pauseMax = Duration.seconds(60)

    enum State: Sendable, Equatable {
        case closed(failures: Int)
        case open(until: Instant)
        /// One call is allowed; `probe` is the flight that makes it.
        case halfOpen(probe: UInt64?)
    }

    private(set) var state = State.closed(failures: 0)
    /// How often it has opened in a row: each time doubles the pause.
    private(set) var trips = 0
    private var succeededAt = Instant.distantPast

    /// Becomes half-open when the time is over.
    mutating func tick(_ now: Instant) {
        if case .open(let until) = state, until <= now { state = .halfOpen(probe: nil) }
    }

    /// Whether a call may start now. Call ``tick(_:)`` first.
    var allowsCall: Bool {
        switch state {
        case .closed: true
        case .open: false
        case .halfOpen(let probe): probe == nil
        }
    }

    /// Whether a call of that flight may be made now, since others may have failed after it
    /// started.
    func admits(flight: UInt64) -> Bool {
        switch state {
        case .closed: true
        case .open: false
        case .halfOpen(let probe): probe == flight
        }
    }

    /// Whether the next call is the probe.
    var isProbing: Bool {
        if case .halfOpen = state { true } else { false }
    }

    mutating func started(flight: UInt64) {
        if case .halfOpen(nil) = state { state = .halfOpen(probe: flight) }
    }

    /// A flight ended without a call: the next one may probe.
    mutating func dropped(flight: UInt64) {
        if state == .halfOpen(probe: flight) { state = .halfOpen(probe: nil) }
    }

    mutating func succeeded(_ now: Instant) {
        state = .closed(failures: 0)
        trips = 0
        succeededAt = now
    }

    /// Whether another process's breaker applies: this one has no recent result, and no probe under
    /// way. A process that cannot reach the upstream does not stop those that can.
    func heedsOthers(_ now: Instant) -> Bool {
        guard case .closed = state else { return false }
        return now - succeededAt > Self.pauseMax
    }

    /// Opens because another process's breaker is open.
    mutating func rest(until: Instant) {
        trips = max(trips, 1)
        state = .open(until: until)
    }

    /// Counts a failure; `random` (any value) spreads the pause over 50 to 100 %. Returns the time
    /// until which calls stop, if this failure opened it.
    mutating func failed(flight: UInt64, now: Instant, random: UInt64) -> Instant? {
        switch state {
        case .closed(let failures) where failures + 1 < Self.failuresMax:
            state = .closed(failures: failures + 1)
            return nil
        case .open:
            return nil  // a call from before it opened
        case .halfOpen(let probe) where probe != flight:
            return nil  // likewise
        case .closed, .halfOpen:
            let whole = min(Self.firstPause * (1 << min(trips, 6)), Self.pauseMax)
            let share = Int64(random % 501) + 500
            let until = now + .nanoseconds(whole.nanoseconds / 1000 * share)
            trips += 1
            state = .open(until: until)
            return until
        }
    }
}

extension UpstreamFault.Kind {
    /// Whether nothing was sent, so that the fault is no result about the upstream.
    var meansNoCall: Bool {
        leavesSlotUnused || isOfCredential
    }

    /// Whether there was no credential.
    var isOfCredential: Bool { self == .tokenRefused || self == .tokenUnavailable }

    /// Whether a granted slot was given back, which is no result about the action either.
    var leavesSlotUnused: Bool { self == .slotExpired || self == .outOfResources }

    /// Whether this fault counts as a failure of the upstream as a whole.
    var tripsBreaker: Bool {
        switch self {
        case .serverError, .unauthorized, .paymentRequired, .forbidden, .connectFailed, .tlsFailed,
            .connectionLost, .timedOut:
            true
        case .notFound, .redirected, .unexpectedStatus, .notJSON, .wrongAction, .malformed,
            .tooLarge, .throttled, .slotExpired, .outOfResources, .tokenRefused, .tokenUnavailable:
            false
        }
    }
}
