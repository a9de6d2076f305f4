// Up to where a store's journal has been searched for calls that others have ended.

import StatusCore

/// The net under notices that get lost, and all that there is between processes that share a file.
///
/// Every settlement that opens a gate leaves its call with the store's time as its end, and the store's
/// last time is written with it: a settlement that is not seen together with that time comes at that
/// time or later.
struct ChangeCursor {
    /// How often a store is asked.
    static let interval = Duration.milliseconds(400)

    /// On the store's clock; nil: not asked yet.
    private(set) var since: Instant?
    /// Those that have been told, and may end at that very moment.
    private var told: Set<SlotToken> = []

    /// A call that has ended at `since` or later.
    struct Ended {
        var token: SlotToken
        var id: ActionID
    }

    /// Nobody else has ended a call before that.
    mutating func skip(to moment: Instant) { since = since.map { max($0, moment) } }

    /// The actions to be looked up again; `isOwn` tells the calls of this process. `lastTime` is the
    /// latest time written, as the same moment of the store shows it.
    mutating func take(
        _ ended: [Ended], lastTime: Instant, isOwn: (SlotToken) -> Bool
    ) -> [ActionID] {
        let news = ended.filter { !told.contains($0.token) && !isOwn($0.token) }
        told = Set(ended.map(\.token))
        since = lastTime
        return news.map(\.id)
    }
}
