// Judges the breaker by what a process learns, by the calls that it starts and by what it answers its
// callers.

@testable import StatusCore

extension Judge {
    /// Before every step: what the process is about to learn.
    mutating func received(_ event: Event, by replica: Replica, at now: Instant) {
        switch event {
        case .called(let key, _, let report): ended(replica, key, report, at: now)
        case .prepared(let key, let flight, .some): over(replica, key, flight)
        case .lookedUp(let id, let result):
            for source in policy.configured {
                let key = EntryKey(source, id)
                guard let flight = replica.flight(key) else { continue }
                let slot = result.flatMap { reply in
                    reply.reservations[source].map { .success($0) } ?? .failure(.closed)
                }
                received(.reserved(key, flight: flight, slot), by: replica, at: now)
            }
        case .reserved(let key, let flight, let result):
            switch try? result.get().verdict {
            case .granted?: break
            case .resting(let span)?:
                let local = replica.clock.shows(now)
                healths[upstream(replica, key.source), default: HeardHealth()]
                    .ordersRest(for: span, at: local)
                over(replica, key, flight)
            default: over(replica, key, flight)
            }
        default: break
        }
    }

    /// A refresh starts, whose call may be the probe.
    mutating func began(_ replica: Replica, _ key: EntryKey, _ flight: UInt64) {
        startedFlights[upstream(replica, key.source), default: []].insert(flight)
    }

    /// It has made its call, or will not make one.
    mutating func over(_ replica: Replica, _ key: EntryKey, _ flight: UInt64) {
        startedFlights[upstream(replica, key.source)]?.remove(flight)
    }

    /// A call starts: calls have not stopped, or it is the one probe.
    mutating func checkRest(_ replica: Replica, _ key: EntryKey, _ now: Instant) {
        let upstream = upstream(replica, key.source)
        let local = replica.clock.shows(now)
        switch healths[upstream, default: HeardHealth()].called(key, at: local) {
        case .tooEarly(let span)?: accuse(.calledWhileResting, now, "\(key) \(span) too early")
        case .besideAnother(let other)?: accuse(.probedTwice, now, "\(key) beside \(other)")
        case nil: break
        }
    }

    /// No answer says that calls have stopped without a reason, or for too long, as of the decision:
    /// the process may have been stopped before it replied.
    mutating func checkRestTold(_ replica: Replica, _ reply: Reply) {
        let decidedAt = replica.steppedAt
        for source in policy.configured where reply.tellsOfRest(at: source) {
            let upstream = upstream(replica, source)
            let isProbing = startedFlights[upstream]?.isEmpty == false
            let mayRest = healths[upstream, default: HeardHealth()].mayRest(
                at: replica.clock.shows(decidedAt), isProbing: isProbing)
            if !mayRest { accuse(.restedWithoutReason, decidedAt, "\(source)") }
        }
    }
}

extension Reply {
    fileprivate func tellsOfRest(at source: Source) -> Bool {
        switch self {
        case .answer(let answer):
            answer.document.source == source && answer.staleReason == .breakerOpen
        case .problem(let problem):
            problem.sources.contains {
                $0.source == source && $0.outcome == BlockReason.breakerOpen.word
            }
        }
    }
}
