// Keeps one store's connection, and reconnects it; requests go out, replies come back. Nothing here
// blocks.

internal import Dispatch
internal import StatusCore

/// Keeps one connection to the database for operations, and one for notifications. Operations are
/// carried out in order, a batch at a time: read, decided, written if anything has changed, and
/// answered.
///
/// resting → connecting → greeting → ready → resting … → closed
///
/// `@unchecked Sendable`: everything but `init` and `deinit` runs on `queue`, its store's, onto which
/// the events of links hop.
final class PostgresSession: @unchecked Sendable {
    let url: PostgresURL
    let limits: PostgresLimits
    let clock: StoreClock
    let queue: DispatchQueue
    let report: (String) -> Void
    let watch: (StoreCondition) -> Void
    let watchNotifications: (NotificationEvent) -> Void
    /// Nil until the start.
    private(set) var notifications: PostgresNotifications?

    enum Phase {
        /// Waiting for the next attempt to connect.
        case resting(until: ContinuousClock.Instant)
        case connecting
        /// The first heartbeat is under way, which checks the store's continuity.
        case greeting(PostgresLink)
        case ready(PostgresLink)
        case closed
    }

    var phase = Phase.resting(until: .now)
    /// Events of earlier links are ignored.
    var attempt = 0
    var tasks = PostgresTasks()
    var memory = PostgresMemory()
    /// The work under way.
    var work: PostgresWork?
    private var lastNumber = 0
    /// The longest quarantine that a request has asked for.
    var quarantine = Duration.seconds(75)

    /// Attempts in a row that failed, and the last one's failure.
    var failures = 0
    var lastFailure = PostgresFailure.notConnected("not connected yet")
    /// Whether work under way is late, so that new operations are refused.
    var isLate = false
    var readySince = ContinuousClock.now
    var lastHeard = ContinuousClock.now
    var lastSent = ContinuousClock.now
    /// When changes are queried next; nil during a query.
    var changesAt: ContinuousClock.Instant? = .now
    var quarantinedUntil: ContinuousClock.Instant?
    var condition: StoreCondition?
    private var onChange: (ChangeNotification) -> Void = { _ in }
    var closers: [@Sendable () -> Void] = []
    let timer: any DispatchSourceTimer

    init(
        url: PostgresURL, limits: PostgresLimits, clock: StoreClock, queue: DispatchQueue,
        report: @escaping (String) -> Void, watch: @escaping (StoreCondition) -> Void,
        watchNotifications: @escaping (NotificationEvent) -> Void
    ) {
        self.url = url
        self.limits = limits
        self.clock = clock
        self.queue = queue
        self.report = report
        self.watch = watch
        self.watchNotifications = watchNotifications
        timer = DispatchSource.makeTimerSource(queue: queue)
    }

    deinit {
        switch phase {
        case .greeting(let link), .ready(let link): link.end()
        case .resting, .connecting, .closed: break
        }
        timer.cancel()
    }

    func start() {
        notifications = PostgresNotifications(
            url: url, limits: limits, clock: clock, queue: queue,
            onChange: { [weak self] in self?.onChange(.changed($0)) },
            onEvent: { [weak self] in self?.handle($0) })
        timer.setEventHandler { [weak self] in self?.tick() }
        timer.activate()
        tick()
    }

    func listen(_ onChange: @escaping (ChangeNotification) -> Void) { self.onChange = onChange }

    // MARK: - Tasks

    func post(_ operation: StoreOperation) {
        if let failure = refusal(of: operation) { return operation.fail(failure) }
        var span = limits.decisionMax
        if case .complete = operation.request { span = limits.completionMax }
        if case .purge = operation.request { span = limits.completionMax }
        add(operation, within: span)
        pump()
        planTick()
    }

    func add(_ operation: StoreOperation, within span: Duration, first: Bool = false) {
        tasks.add(PostgresTask(operation: operation, deadline: .now + span), first: first)
    }

    /// Why an operation is refused at once. A completion never is.
    private func refusal(of operation: StoreOperation) -> StoreFailure? {
        guard closers.isEmpty else { return .closed }
        if case .closed = phase { return .closed }
        guard tasks.waiting.count < limits.waitingMax else {
            return .unavailable("\(limits.waitingMax) operations are waiting for the store")
        }
        if case .complete = operation.request { return nil }
        return standingFailure.map(storeFailure)
    }

    /// The failure that makes waiting hopeless. At the start, and right after the loss of a working
    /// connection, operations wait for the next attempt.
    private var standingFailure: PostgresFailure? {
        switch phase {
        case .ready: isLate ? .tooSlow("the database does not answer in time") : nil
        case .resting, .connecting, .greeting: failures > 0 ? lastFailure : nil
        case .closed: lastFailure
        }
    }

    func storeFailure(_ failure: PostgresFailure) -> StoreFailure {
        .unavailable("\(url.shown): \(url.hideSecrets(in: failure.text))")
    }

    /// Begins with waiting operations, if nothing is under way.
    func pump() {
        guard case .ready = phase else { return finishIfClosed() }
        if work == nil {
            let batch = tasks.take(atMost: limits.batchMax, bytesMax: limits.batchBytesMax)
            if !batch.isEmpty { begin(batch) }
        }
        finishIfClosed()
    }

    /// One transaction of the work under way.
    func send(_ statements: [PostgresStatement], isBeat: Bool = true) {
        switch phase {
        case .greeting(let link), .ready(let link):
            lastNumber += 1
            work?.sent = clock.sinceBoot()
            work?.sentAt = .now
            // A query of changes does not check the store's continuity.
            if isBeat { lastSent = .now }
            link.send(statements, lastNumber)
        case .resting, .connecting, .closed: break
        }
    }

    /// The server of the connection.
    var server: PostgresServer? {
        switch phase {
        case .greeting(let link), .ready(let link): link.server
        case .resting, .connecting, .closed: nil
        }
    }

    // MARK: - Events

    func take(_ event: PostgresLink.Event, of attempt: Int) {
        guard attempt == self.attempt else {
            if case .opened(let link) = event { link.end() }
            return
        }
        lastHeard = .now
        switch event {
        case .opened(let link): greet(link)
        case .replied(let number, let result, let at): replied(number, result, at)
        case .notified: break
        case .ended(let failure): lose(failure)
        }
        planTick()
    }

    /// The first heartbeat is sent alone, since its result applies to everything that follows.
    private func greet(_ link: PostgresLink) {
        phase = .greeting(link)
        begin([])
    }

    private func replied(
        _ number: Int, _ result: Result<[PostgresResult], PostgresFailure>, _ at: Instant
    ) {
        // A late decision is void, even if no tick has detected it yet.
        if giveUpLate() { isLate = true }
        guard number == lastNumber, let work else {
            return lose(.malformed("a reply out of order"))
        }
        do throws(PostgresFailure) {
            try take(result.get(), at: at)
        } catch {
            if error.endsConnection { return lose(error) }
            if case .greeting = phase { return lose(error) }
            self.work = nil
            for task in work.tasks { task.fail(storeFailure(error)) }
        }
        if self.work == nil {
            // Only work that is finished in time shows that the next can be, too.
            if !work.isForChanges, .now - work.beganAt <= limits.decisionMax { isLate = false }
            if case .greeting(let link) = phase { becomeReady(link) }
        }
        reportCondition()
        pump()
    }

    private func becomeReady(_ link: PostgresLink) {
        phase = .ready(link)
        readySince = .now
        report("\(url.shown): connected")
        changesAt = .now
        onChange(.missed)
        notifications?.start()
    }

    /// Finds changes whose notifications were lost.
    func askForChanges() {
        changesAt = nil
        let next = ContinuousClock.now + limits.changesInterval
        let request = StoreOperation.Request.changes { [weak self] result in
            guard let self else { return }
            changesAt = next
            for id in (try? result.get()) ?? [] { onChange(.changed(id)) }
        }
        let operation = StoreOperation(request: request, asked: clock.sinceBoot())
        add(operation, within: limits.completionMax, first: true)
    }
}
