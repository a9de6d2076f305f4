// One transaction as operations see it: the rows, and the store's clock.

import StatusCore

struct SQLiteTransaction {
    let rows: SQLiteRows
    let clock: StoreClock
    let meta: StoreMeta

    /// The clock is read anew for each operation: waiting for the file must not count.
    func now() -> StoreMoment {
        StoreMoment(time: meta.time(sinceBoot: clock.sinceBoot()), wall: clock.wall())
    }

    /// The rules for an operation that was asked for at `asked`, since boot.
    func rules(asked: Instant) -> StoreRules<SQLiteRows> {
        let now = now()
        let waited = max(.zero, clock.sinceBoot() - asked)
        return StoreRules(rows: rows, now: now, asked: now - waited)
    }
}
