// Checks that the shared store continues the one that is remembered: the found and the remembered
// state come in, a judgement goes out.

import StatusCore

/// The row that identifies the store's epoch in a database, and its clock.
struct PostgresMeta: Equatable, Sendable {
    var epoch: Int64
    /// Raised by every decision that writes, which must name the revision that it has read.
    var revision: Int64
    /// The highest token granted.
    var token: FencingToken
    /// Store time is the database's clock plus this.
    var clockOffset: Duration
    /// The latest store time that was written.
    var lastTime: Instant
    /// The identity of the data at the last write (empty in a new schema), and its server's start.
    var home: String
    var serverStart: String
    /// The revision that was found after that start: later ones were lost with the server before.
    var startRevision: Int64 = 0
    /// When a loss of continuity was last detected; nil: never.
    var lossDetectedAt: Instant?
    /// No grants before this time.
    var barrier: Instant?
}

/// The state of the database in one reading.
struct PostgresSight: Sendable {
    /// Nil: the row was deleted.
    var meta: PostgresMeta?
    /// Identifies the data: cluster, timeline, database and table.
    var home: String
    var serverStart: String
    /// The database's own clock.
    var clock: Instant
}

/// What a process remembers of the store, to detect that it was replaced or set back.
struct PostgresContinuity: Sendable {
    private(set) var epoch: Int64?
    /// The highest revision seen.
    private(set) var revision: Int64?
    private(set) var token: FencingToken?
    /// The server's start when it was seen.
    private(set) var serverStart: String?

    /// After the server has started, replicas reconnect within that time, and object if it has lost
    /// what they remember. Nothing is granted before.
    static let startupBarrier = Duration.seconds(5)
    /// How far the clock may be behind the last time written before it counts as set back.
    static let lagMax = Duration.seconds(2)

    /// The judgement on a reading, and on its clock.
    struct Judgement: Sendable {
        /// The corrected row; its revision is still the one that was found.
        var meta: PostgresMeta
        var now: Instant
        /// What is wrong with the store; nil: it continues what is remembered.
        var trouble: String?
    }

    /// `expected`: the store's time as this process knows it, if the clock has gone ahead of that:
    /// then time continues from there, but not from before the last time written, so that a process
    /// whose own clock stopped cannot set the others back.
    ///
    /// `earliest`: the least store time that this process knows. After a loss of continuity, time
    /// is not behind it: otherwise the store's records would look younger than they are, and an
    /// older state newer than a state that this process has seen. Gates are in quarantine then.
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
            meta.lossDetectedAt = now
        }
        let isBehind = meta.lastTime - now > Self.lagMax
        let trouble = trouble(sight, meta, isBehind: isBehind)
        // If the clock was set back, time continues from where it was. If it is only slightly
        // behind, time stops for a moment.
        if isBehind { meta.clockOffset = meta.clockOffset + (meta.lastTime - now) }
        now = max(now, meta.lastTime)
        if trouble != nil, let earliest, now < earliest {
            meta.clockOffset = meta.clockOffset + (earliest - now)
            now = earliest
        }
        if trouble != nil {
            // So that every replica detects it; an epoch that has changed already is enough.
            if trouble != Self.epochChanged { meta.epoch = Int64.random(in: 1...(1 << 52)) }
            meta.lossDetectedAt = now
            if let token, token > meta.token {
                meta.token = FencingToken(token.number + Int64.random(in: (1 << 32)...(1 << 40)))
            }
        }
        if meta.serverStart != sight.serverStart {
            meta.barrier = now + Self.startupBarrier
            meta.startRevision = meta.revision
        }
        (meta.home, meta.serverStart) = (sight.home, sight.serverStart)
        return Judgement(meta: meta, now: now, trouble: trouble)
    }

    private func trouble(
        _ sight: PostgresSight, _ meta: PostgresMeta, isBehind: Bool
    ) -> String? {
        if sight.meta == nil { return "the epoch was lost" }
        if meta.home != sight.home { return "it is another database, or was recovered or promoted" }
        if let revision, epoch == meta.epoch, revision > continued(meta) {
            return "it was set back to an earlier state"
        }
        if isBehind { return "its clock was set back" }
        if let epoch, epoch != meta.epoch { return Self.epochChanged }
        return nil
    }

    /// The last revision that can belong to the remembered history. Since another process found the
    /// server started anew, others may have written as much as was lost.
    private func continued(_ meta: PostgresMeta) -> Int64 {
        serverStart == meta.serverStart ? meta.revision : min(meta.revision, meta.startRevision)
    }

    private static let epochChanged = "its epoch changed"

    /// Remembers the store as it was found or written.
    mutating func keep(_ meta: PostgresMeta) {
        epoch = meta.epoch
        revision = meta.revision
        token = max(token ?? meta.token, meta.token)
        serverStart = meta.serverStart
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
