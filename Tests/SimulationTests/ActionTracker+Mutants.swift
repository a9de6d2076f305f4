// Faults of the tracker, applied from outside between two steps.

@testable import StatusCore

extension ActionTracker {
    /// Changes the tracker's state to what it would be with that fault.
    mutating func bend(by mutant: Mutant, at now: Instant) {
        switch mutant {
        case .breakerNeverOpens, .breakerProbesAtOnce, .breakerNeverGrows, .breakerStaysOpen,
            .breakerOpensEarly:
            for source in policy.configured { upstreams[source]?.breaker.bend(by: mutant, now) }
        case .breakerShared: shareBreaker()
        case .heldForOther: prolongFirstCalls(now)
        case .waitingNotFirst: rerank { rank, _ in rank.isIdle = true }
        case .youngestFirst:
            rerank { rank, _ in
                let known = rank.triedAt.nanoseconds
                rank.triedAt = Instant(nanoseconds: min(known, -known))
            }
        case .firstAskedFirst: rerank { rank, entry in rank.triedAt = entry.firstSeenAt }
        case .manyBeforeOne:
            for source in policy.configured { upstreams[source]?.queue.isTogethersTurn = true }
        default: break
        }
    }

    private mutating func shareBreaker() {
        for source in policy.configured {
            guard case .open(let until)? = upstreams[source]?.breaker.state else { continue }
            for other in policy.configured where other != source {
                upstreams[other]?.breaker.rest(until: until)
            }
        }
    }

    /// A caller with an answer waits for the other upstream's as if its call had just begun.
    private mutating func prolongFirstCalls(_ now: Instant) {
        for id in Set(callers.values) {
            for source in policy.configured where actions[id]?.entries[source].observed == nil {
                actions[id]?.entries[source].flight?.startedAt = now + .seconds(60)
            }
        }
    }

    /// Queued refreshes get another rank.
    private mutating func rerank(_ change: (inout RefreshRank, Entry) -> Void) {
        for source in policy.configured {
            for id in Set(upstreams[source]?.queue.ids ?? []) {
                guard let tracked = actions[id], var refresh = tracked.entries[source].deferred
                else {
                    continue
                }
                let before = refresh.rank
                change(&refresh.rank, tracked.entries[source])
                guard refresh.rank != before else { continue }
                actions[id]?.entries[source].deferred = refresh
                upstreams[source]?.queue.insert(id, refresh)
            }
        }
    }
}

extension Breaker {
    fileprivate mutating func bend(by mutant: Mutant, _ now: Instant) {
        switch (mutant, state) {
        case (.breakerNeverOpens, .open), (.breakerNeverOpens, .halfOpen): self = Breaker()
        case (.breakerProbesAtOnce, .halfOpen):
            self = Breaker()
            for _ in 1..<Self.failuresMax { _ = failed(flight: 0, now: now, random: 0) }
        case (.breakerNeverGrows, .open(let until)) where trips > 1:
            self = Breaker()
            rest(until: min(until, now + Self.firstPause))
        case (.breakerStaysOpen, .open): rest(until: now + .hour)
        case (.breakerOpensEarly, .closed(failures: 3...)): rest(until: now + Self.firstPause)
        default: break
        }
    }
}
