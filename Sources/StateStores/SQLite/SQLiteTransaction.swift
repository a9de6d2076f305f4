// One transaction as operations see it: the rows, and the store's clock.

import StatusCore

/// Confined to its store's queue.
final class SQLiteTransaction {
    let rows: SQLiteRows
    let clock: StoreClock
    /// As it will be written: decisions move its token.
    private(set) var meta: StoreMeta

    init(rows: SQLiteRows, clock: StoreClock, meta: StoreMeta) {
        self.rows = rows
        self.clock = clock
        self.meta = meta
    }

    /// The clock is read anew for each operation: waiting for the file must not count.
    func now() -> StoreMoment {
        StoreMoment(time: meta.time(sinceBoot: clock.sinceBoot()), wall: clock.wall())
    }

    /// The rules for an operation that was asked for at `asked`, since boot.
    func rules(asked: Instant) -> StoreRules {
        let now = now()
        let waited = max(.zero, clock.sinceBoot() - asked)
        return StoreRules(now: now, asked: now - waited)
    }

    /// Fetches what a decision needs, lets it decide, and writes what it has changed. `shown`: the entry
    /// whose document the reply needs. Returns the state, too, for its events.
    func decide<Reply>(
        _ needed: NeededRows, _ decision: (inout StoreState) -> Reply,
        shown: (Reply) -> EntryKey? = { _ in nil }
    ) throws(SQLiteFailure) -> (reply: Reply, state: StoreState) {
        var before = StoreState()
        before.lastToken = meta.token
        before.lossDetectedAt = meta.lossDetectedAt
        try rows.load(needed, into: &before)
        var after = before
        let reply = decision(&after)
        try rows.save(after, over: before, revision: meta.revision + 1)
        meta.token = after.lastToken
        if let key = shown(reply), after.lacksDocument(key) {
            after.documents[key] = try rows.document(key)
        }
        return (reply, after)
    }

    /// No token up to this one is granted (again).
    func skipTokens(past token: FencingToken) {
        meta.token = FencingToken(
            max(meta.token.number, token.number) + Int64.random(in: (1 << 32)...(1 << 40)))
    }
}
