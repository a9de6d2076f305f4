// The breaker of spec section 4, restated for the judge: what a process knows of an upstream's health,
// and what follows for its calls.

@testable import StatusCore

/// What one life of a process knows of one upstream's health. Times are on its clock.
struct HeardHealth {
    /// Consecutive failures while calls are made.
    private var failures = 0
    /// How often in a row calls have stopped since the upstream last succeeded.
    private var stops = 0
    /// The earliest and the latest time at which calls may start again.
    private var restsAtLeastUntil = Instant.distantPast
    private var restsAtMostUntil = Instant.distantPast
    /// Calls granted since calls last stopped, and in flight.
    private var probes: Set<EntryKey> = []
    private var foundWellAt = Instant.distantPast

    /// Spec section 4: the failures in a row that stop calls, and the first and the longest pause.
    private static let failuresMax = 5
    private static let firstRest = Duration.seconds(1)
    private static let restMax = Duration.seconds(60)

    enum Complaint {
        case tooEarly(by: Duration)
        case besideAnother(EntryKey)
    }

    /// A call starts.
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

    /// Another process's calls have stopped. That counts if this one has had no success for a minute.
    mutating func ordersRest(for span: Duration, at now: Instant) {
        guard stops == 0, now - foundWellAt > Self.restMax else { return }
        stops = 1
        restsAtLeastUntil = now + span
        restsAtMostUntil = now + span
    }

    /// Whether an answer may say that calls have stopped.
    func mayRest(at now: Instant, isProbing: Bool) -> Bool {
        stops > 0 && (now < restsAtMostUntil || isProbing)
    }

    /// What an outcome shows of the upstream as a whole.
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
    /// The upstream answers, although it reports no state.
    private static let answering: Set<UpstreamFault.Kind> = [
        .notFound, .redirected, .unexpectedStatus, .notJSON, .wrongAction, .malformed, .tooLarge,
        .throttled,
    ]
}
