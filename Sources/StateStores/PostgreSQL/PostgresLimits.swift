// The bounds of the shared store.

/// Defaults are for production; tests make them small.
struct PostgresLimits {
    /// How long a look-up or a reservation may take, counted from its being asked for: the time within
    /// which a granted call has to be sent. A later grant is of no use to anybody.
    var decisionMax = Duration.seconds(2)
    /// A completion is worth more waiting, across a reconnection too: it opens a gate and tells news.
    var completionMax = Duration.seconds(10)
    /// A connection on which so long nothing came, though something was awaited, is given up.
    var silenceMax = Duration.seconds(6)
    /// The server breaks off a statement that waits so long, be it for a lock.
    var statementMax = Duration.seconds(5)
    /// Operations that are decided on together, and the bytes of states that they bring along.
    var batchMax = 64
    var batchBytesMax = 16 << 20
    /// Operations that wait for their turn.
    var waitingMax = 10_000
    /// Between two attempts to connect: the first after a failure, and the longest. Well within the
    /// time that replicas have to come back after the server has started (`startupBarrier`).
    var retryFirst = Duration.milliseconds(100)
    var retryMax = Duration.milliseconds(2500)
    /// An idle connection asks for the store's time and state that often.
    var beatInterval = Duration.seconds(5)
    /// One that was too slow is tried again that often.
    var probeInterval = Duration.seconds(1)
    /// Notifications come at most once: that often the store is asked what they should have told.
    var changesInterval = ChangeCursor.interval
    /// Notifications that are read in that time; more are a flood. A hundred upstream calls a second make
    /// a thousand.
    var notificationsMax = 20_000
    var notificationsWindow = Duration.seconds(10)
    /// Between two moments at which what was heard is looked up.
    var notificationsPause = Duration.milliseconds(100)
    /// How long none are heard after a flood, at most.
    var floodRest = Duration.seconds(10)
    /// Rows that one step of a purge looks at.
    var purgeStepRows = 200
    var journalCallsMax = JournalLimits.callsMax
}
