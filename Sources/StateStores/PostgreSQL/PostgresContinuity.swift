// Whether the shared store still is what it was: what is found and what is remembered in, a judgement out.

import StatusCore

/// The one row that tells which life of the store a database holds, and how its clock runs.
struct PostgresMeta: Equatable, Sendable {
    var epoch: Int64
    /// Raised by every decision that writes: whoever writes names the one that he has read.
    var revision: Int64
    /// The highest token granted.
    var token: FencingToken
    /// Store time is the database's clock plus this.
    var clockOffset: Duration
    /// The latest store time that was written.
    var lastTime: Instant
    /// The data that the last decision wrote into (empty in a new schema), and its server's start.
    var home: String
    var serverStart: String
    /// When continuity was last found lost; nil: never.
    var noticed: Instant?
    /// No grants until then, whoever asks.
    var barrier: Instant?
}

/// The database as one reading shows it.
struct PostgresSight: Sendable {
    /// Nil: somebody has deleted it.
    var meta: PostgresMeta?
    /// Names the data: cluster, timeline, database and table.
    var home: String
    var serverStart: String
    /// The database's own clock.
    var clock: Instant
}

/// What a process remembers of the store, to notice that it was exchanged or set back.
struct PostgresContinuity: Sendable {
    private(set) var epoch: Int64?
    /// The highest seen.
    private(set) var revision: Int64?
    private(set) var token: FencingToken?

    /// Replicas reconnect within that span after the server has started, and object if it has lost
    /// what they remember. Until then nobody is granted anything.
    static let startupBarrier = Duration.seconds(5)
    /// How far the clock may be behind the last time written before it counts as set back.
    static let lagMax = Duration.seconds(2)

    /// What to make of a sight, and of its clock.
    struct Judgement: Sendable {
        /// The row as it has to be; its revision is still the one that was found.
        var meta: PostgresMeta
        var now: Instant
        /// What is wrong with the store; nil: it continues what is remembered.
        var trouble: String?
    }

    /// `expected`: the store's time as this process knows it, if the clock has gone ahead of that: then
    /// time goes on from there, but not from before the last time written. One process whose own clock
    /// stood still can so not set the others back.
    ///
    /// `earliest`: what the store's time must have come to as this process knows it. Where something is
    /// wrong, time is not behind that: else all that the store has kept looks younger than it is, and an
    /// older state newer than what this process has seen since. Gates are in quarantine then.
    func judge(
        _ sight: PostgresSight, expected: Instant? = nil, earliest: Instant? = nil
    ) -> Judgement {
        var meta = sight.meta ?? .first(sight)
        if meta.home.isEmpty { meta.home = sight.home }
        var now = sight.clock + meta.clockOffset
        if let expected {
            let set = max(expected, meta.lastTime)
            meta.clockOffset = meta.clockOffset - (now - set)
            now = set
            meta.noticed = now
        }
        let isBehind = meta.lastTime - now > Self.lagMax
        let trouble = trouble(sight, meta, isBehind: isBehind)
        // Set back: time goes on from where it was. Only slightly behind: it stands still for a moment.
        if isBehind { meta.clockOffset = meta.clockOffset + (meta.lastTime - now) }
        now = max(now, meta.lastTime)
        if trouble != nil, let earliest, now < earliest {
            meta.clockOffset = meta.clockOffset + (earliest - now)
            now = earliest
        }
        if trouble != nil {
            // So that every replica notices; an epoch that is new already says it all.
            if trouble != Self.epochChanged { meta.epoch = Int64.random(in: 1...(1 << 52)) }
            meta.noticed = now
            if let token, token > meta.token {
                meta.token = FencingToken(token.number + Int64.random(in: (1 << 32)...(1 << 40)))
            }
        }
        if meta.serverStart != sight.serverStart { meta.barrier = now + Self.startupBarrier }
        (meta.home, meta.serverStart) = (sight.home, sight.serverStart)
        return Judgement(meta: meta, now: now, trouble: trouble)
    }

    private func trouble(
        _ sight: PostgresSight, _ meta: PostgresMeta, isBehind: Bool
    ) -> String? {
        if sight.meta == nil { return "the epoch was lost" }
        if meta.home != sight.home { return "it is another database, or was recovered or promoted" }
        if let revision, epoch == meta.epoch, revision > meta.revision {
            return "it was set back to an earlier state"
        }
        if isBehind { return "its clock was set back" }
        if let epoch, epoch != meta.epoch { return Self.epochChanged }
        return nil
    }

    private static let epochChanged = "its epoch changed"

    /// The store as it was found, or has been written.
    mutating func keep(_ meta: PostgresMeta) {
        epoch = meta.epoch
        revision = meta.revision
        token = max(token ?? meta.token, meta.token)
    }
}

extension PostgresMeta {
    fileprivate static func first(_ sight: PostgresSight) -> PostgresMeta {
        PostgresMeta(
            epoch: Int64.random(in: 1...(1 << 52)), revision: 0,
            token: FencingToken(Int64.random(in: 1...(1 << 50))), clockOffset: .zero,
            lastTime: sight.clock, home: sight.home, serverStart: sight.serverStart)
    }
}
