// The limits of a file store.

/// Defaults are for production; tests make them small.
struct SQLiteLimits {
    /// How long one transaction waits for another process: less than the time within which a
    /// granted call has to be sent.
    var lockWaitMax = Duration.seconds(1)
    /// The most operations in one transaction.
    var batchMax = 64
    /// The most operations that wait for their turn.
    var waitingMax = 10_000
    /// The rows of one step of a purge.
    var purgeStepRows = 500
    var journalCallsMax = JournalLimits.callsMax

    /// How long a reader of the journal waits for the file, in milliseconds.
    static let readingWait: Int32 = 5000
}
