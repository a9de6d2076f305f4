// A store in a SQLite file: operations run in batches, each in one transaction, and are answered
// after its commit.

internal import Dispatch
internal import Locking
public import StatusCore

/// Keeps gates, budgets and answers in one file, through crashes and restarts; several processes on one
/// machine may share it.
///
/// Operations that arrive while a transaction runs are carried out together in the next one. If a file
/// vanishes or is replaced under a running store, it is opened or created again, and reservations are
/// quarantined until no earlier grant can matter. The file records that, so it also holds for processes
/// that start meanwhile. A *first* start on a missing file is not quarantined: a new installation and a
/// lost file look alike, and no running process has noticed a loss.
///
/// `@unchecked Sendable`: `mailbox` is behind a lock; all other state is immutable but for `session`,
/// `changesTimer` and `isUnwritable`, which are touched only in `init`, before the object is shared, in
/// `deinit`, and in blocks of `queue`, which is serial.
public final class SQLiteStore: StateStore, @unchecked Sendable {
    let queue = DispatchQueue(label: "status-proxy.sqlite-store")
    let mailbox: Guarded<Mailbox>
    let session: SQLiteSession
    let clock: StoreClock
    let limits: SQLiteLimits
    let path: String
    private var changesTimer: (any DispatchSourceTimer)?
    /// The last transaction that was to write has failed. Until one does not, look-ups reserve nothing: they
    /// need no lock then, and show whatever is kept.
    var isUnwritable = false

    deinit { changesTimer?.cancel() }

    /// Opens or creates the file. `report` gets lines for operators, on the store's queue.
    ///
    /// Throws ``StoreFailure`` with a text that names the file if it cannot be used: damaged, another
    /// program's, written by a newer version, read-only, locked, or in a missing folder.
    public convenience init(
        path: String, clock: StoreClock = .system,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(StoreFailure) {
        try self.init(path: path, clock: clock, limits: SQLiteLimits(), report: report)
    }

    /// Why no store can be kept at the path, as far as that can be determined without opening it; nil
    /// if nothing prevents it.
    public static func fault(at path: String) -> String? { StoreFiles.fault(path) }

    init(
        path: String, clock: StoreClock, limits: SQLiteLimits,
        report: @escaping @Sendable (String) -> Void
    ) throws(StoreFailure) {
        if let fault = Self.fault(at: path) { throw .unavailable("\(path): \(fault)") }
        self.path = path
        self.clock = clock
        self.limits = limits
        mailbox = Guarded(Mailbox(waitingMax: limits.waitingMax))
        session = SQLiteSession(
            path: path, clock: clock, lockWait: limits.lockWaitMax, report: report)
        do throws(SQLiteFailure) {
            try session.start()
        } catch {
            throw Self.failure(error, path)
        }
    }

    public func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation],
        reply: @escaping @Sendable (Result<LookUpReply, StoreFailure>) -> Void
    ) {
        post(.lookUp(ids, requests, reply: reply))
    }

    public func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void
    ) {
        post(.reserve(request, reply: reply))
    }

    public func complete(
        _ completion: Completion,
        reply: @escaping @Sendable (Result<CompletionReply, StoreFailure>) -> Void
    ) {
        post(.complete(completion, reply: reply))
    }

    public func register(
        _ sources: [Source: Duration],
        reply: @escaping @Sendable (Result<[Source: Duration], StoreFailure>) -> Void
    ) {
        post(.register(sources, reply: reply))
    }

    /// Purges the file in small steps, between which other operations have their turn.
    public func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void
    ) {
        post(.purge(retention, PurgeProgress(), reply: reply))
    }

    /// Processes that share a file cannot notify each other, so each asks for the others' changes.
    public func listen(_ onChange: @escaping @Sendable (ChangeNotification) -> Void) {
        queue.async { self.startListening(onChange) }
    }

    private func startListening(_ onChange: @escaping @Sendable (ChangeNotification) -> Void) {
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler { [weak self] in
            guard let self, session.mayHaveChanges() else { return }
            post(.changes { ids in for id in (try? ids.get()) ?? [] { onChange(.changed(id)) } })
        }
        let interval = DispatchTimeInterval.nanoseconds(Int(ChangeCursor.interval.nanoseconds))
        timer.schedule(deadline: .now(), repeating: interval, leeway: .milliseconds(20))
        timer.activate()
        changesTimer = timer
    }

    public func close(reply: @escaping @Sendable () -> Void) {
        queue.async { self.changesTimer?.cancel() }
        if case .first = mailbox.withLock({ $0.close(reply) }) { queue.async { self.drain() } }
    }

    private func post(_ request: StoreOperation.Request) {
        let operation = StoreOperation(request: request, asked: clock.sinceBoot())
        switch mailbox.withLock({ $0.post(operation) }) {
        case .first: queue.async { self.drain() }
        case .queued: break
        case .refused(let failure): queue.async { operation.fail(failure) }
        }
    }
}

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
