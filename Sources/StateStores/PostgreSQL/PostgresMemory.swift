// What a process remembers of the shared store, to notice when it is not what it was.

import StatusCore

struct PostgresMemory {
    private var epoch: Int64?
    private var revision: Int64?
    private var token: Int64?
    var clock = ClockBounds()
    var carryOver = CarryOver()
    var changes = ChangeCursor()

    mutating func keep(_ entry: PostgresEntry) {
        epoch = entry.epoch
        revision = entry.revision
        token = max(token ?? 0, entry.token)
    }

    /// The first parameters of every function that writes. `deadline` is local: past it the call must
    /// not be carried out.
    func credentials(deadline: Instant?) -> [PostgresValue] {
        [
            .integer(epoch), .integer(revision), .integer(token),
            .instant(deadline.flatMap { clock.latest(at: $0) }),
        ]
    }
}

/// What every decision of the store tells of the store itself.
struct PostgresEntry: Equatable {
    var epoch: Int64
    var revision: Int64
    var token: Int64
    /// The store's time.
    var now: Instant
    /// It came too late to be carried out, or the store's clock has gone ahead.
    var isLate: Bool
    /// What was found wrong with the store.
    var trouble: String?

    static let columns: Int32 = 8

    /// The type `status_proxy.entry`.
    init(_ row: PostgresResult.Row) throws(PostgresFailure) {
        guard let epoch = row.integer(0), let revision = row.integer(1),
            let token = row.integer(2), let now = row.instant(3), let isLate = row.flag(6)
        else { throw .malformed("a reply without the store's state") }
        self.epoch = epoch
        self.revision = revision
        self.token = token
        self.now = now
        self.isLate = isLate
        trouble = row.text(7)
    }
}
