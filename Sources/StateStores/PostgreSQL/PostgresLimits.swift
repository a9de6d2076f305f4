// The limits of the shared store.

/// Defaults are for production; tests make them small.
struct PostgresLimits {
    /// How long a look-up or a reservation may take, from its request: the time within which a
    /// granted call has to be sent. A later grant is useless.
    var decisionMax = Duration.seconds(2)
    /// A completion may wait longer, even across a reconnection, since it opens a gate and has a
    /// result.
    var completionMax = Duration.seconds(10)
    /// A connection without data for that long is given up, if a reply is pending.
    var silenceMax = Duration.seconds(6)
    /// The server cancels a statement that takes that long, including waits for locks.
    var statementMax = Duration.seconds(5)
    /// The most operations that are decided together, and the most bytes of their states.
    var batchMax = 64
    var batchBytesMax = 16 << 20
    /// The most operations that wait for their turn.
    var waitingMax = 10_000
    /// The first and the longest pause between two attempts to connect. Well within the time that
    /// replicas have for reconnecting after the server's start (`startupBarrier`).
    var retryFirst = Duration.milliseconds(100)
    var retryMax = Duration.milliseconds(2500)
    /// How often an idle connection reads the store's time and state.
    var beatInterval = Duration.seconds(5)
    /// How often a connection that was too slow is tried again.
    var probeInterval = Duration.seconds(1)
    /// How often the store is queried for changes, since notifications can be lost.
    var changesInterval = ChangeCursor.interval
    /// The most notifications that are read in a window; more count as a flood. A hundred upstream
    /// calls a second cause a thousand.
    var notificationsMax = 20_000
    var notificationsWindow = Duration.seconds(10)
    /// The least time between two look-ups of notified actions.
    var notificationsPause = Duration.milliseconds(100)
    /// The longest time without listening after a flood.
    var floodRest = Duration.seconds(10)
    /// The rows of one step of a purge.
    var purgeStepRows = 200
    var journalCallsMax = JournalLimits.callsMax
}
