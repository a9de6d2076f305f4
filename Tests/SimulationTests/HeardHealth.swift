// The breaker of spec section 4 in the judge's words: what a process has heard of an upstream's health,
// and what follows for its calls.

@testable import StatusCore

/// All that one life of a process has heard of one upstream's health. Times are on its clock.
struct HeardHealth {
    /// In a row, while calls go on.
    private var failures = 0
    /// In a row: how often calls have stopped since the upstream was last found well.
    private var stops = 0
    /// Calls stop until the one moment at least, until the other at most.
    private var restsAtLeastUntil = Instant.distantPast
    private var restsAtMostUntil = Instant.distantPast
    /// Given out since calls stopped last, and under way.
    private var probes: Set<EntryKey> = []
    private var foundWellAt = Instant.distantPast

    /// Of spec section 4: so many failures in a row stop calls, at first for that long, at most for that.
    private static let failuresMax = 5
    private static let firstRest = Duration.seconds(1)
    private static let restMax = Duration.seconds(60)

    enum Complaint {
        case tooEarly(by: Duration)
        case besideAnother(EntryKey)
    }

    /// A call is given out.
    mutating func called(_ key: EntryKey, at now: Instant) -> Complaint? {
        guard stops > 0 else { return nil }
        if now < restsAtLeastUntil { return .tooEarly(by: restsAtLeastUntil - now) }
        if let other = probes.first { return .besideAnother(other) }
        probes.insert(key)
        return nil
    }

    /// A call has ended.
    mutating func ended(_ key: EntryKey, _ outcome: CallOutcome, at now: Instant) {
        switch Word(outcome) {
        case .well:
            self = HeardHealth()
            foundWellAt = now
        case .unwell:
            if stops == 0 {
                failures += 1
                if failures >= Self.failuresMax { stop(at: now) }
            } else if probes.contains(key) {
                stop(at: now)
            }
        case .nothing: probes.remove(key)
        }
    }

    private mutating func stop(at now: Instant) {
        stops += 1
        probes = []
        let longest = min(Self.firstRest * (1 << min(stops - 1, 10)), Self.restMax)
        restsAtLeastUntil = now + longest / 2
        restsAtMostUntil = now + longest
    }

    /// Another process has found it unwell. That counts where nothing was found out for a minute.
    mutating func toldToRest(for span: Duration, at now: Instant) {
        guard stops == 0, now - foundWellAt > Self.restMax else { return }
        stops = 1
        restsAtLeastUntil = now + span
        restsAtMostUntil = now + span
    }

    /// Whether a caller may be told that calls have stopped.
    func mayRest(at now: Instant, isProbing: Bool) -> Bool {
        stops > 0 && (now < restsAtMostUntil || isProbing)
    }

    /// What an outcome says of the upstream as a whole.
    private enum Word {
        case well
        case unwell
        /// No call was made.
        case nothing

        init(_ outcome: CallOutcome) {
            guard let fault = outcome.fault else {
                self = .well
                return
            }
            if HeardHealth.failing.contains(fault.kind) {
                self = .unwell
            } else {
                self = HeardHealth.answering.contains(fault.kind) ? .well : .nothing
            }
        }
    }

    /// What counts as a failure: connecting, time-out, 5xx, 401 to 403.
    private static let failing: Set<UpstreamFault.Kind> = [
        .connectFailed, .tlsFailed, .connectionLost, .timedOut, .serverError, .unauthorized,
        .paymentRequired, .forbidden,
    ]
    /// The upstream is there, though it does not tell a state.
    private static let answering: Set<UpstreamFault.Kind> = [
        .notFound, .redirected, .unexpectedStatus, .notJSON, .wrongAction, .malformed, .tooLarge,
        .throttled,
    ]
}
