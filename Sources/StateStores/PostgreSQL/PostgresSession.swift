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
    private let url: PostgresURL
    let limits: PostgresLimits
    let clock: StoreClock
    private let queue: DispatchQueue
    private let report: (String) -> Void
    private let watch: (StoreCondition) -> Void
    private let watchNotifications: (NotificationEvent) -> Void
    /// Nil until the start.
    private(set) var notifications: PostgresNotifications?

    private enum Phase {
        /// Waiting for the next attempt to connect.
        case resting(until: ContinuousClock.Instant)
        case connecting
        /// The first heartbeat is under way, which checks the store's continuity.
        case greeting(PostgresLink)
        case ready(PostgresLink)
        case closed
    }

    private var phase = Phase.resting(until: .now)
    /// Events of earlier links are ignored.
    private var attempt = 0
    var tasks = PostgresTasks()
    var memory = PostgresMemory()
    /// The work under way.
    var work: PostgresWork?
    private var lastNumber = 0
    /// The longest quarantine that a request has asked for.
    var quarantine = Duration.seconds(75)

    /// Attempts in a row that failed, and the last one's failure.
    private var failures = 0
    private var lastFailure = PostgresFailure.notConnected("not connected yet")
    /// Whether work under way is late, so that new operations are refused.
    private var isLate = false
    private var readySince = ContinuousClock.now
    private var lastHeard = ContinuousClock.now
    private var lastSent = ContinuousClock.now
    /// When changes are queried next; nil during a query.
    private var changesAt: ContinuousClock.Instant? = .now
    private var quarantinedUntil: ContinuousClock.Instant?
    private var condition: StoreCondition?
    private var hear: (StoreNotice) -> Void = { _ in }
    private var closers: [@Sendable () -> Void] = []
    private let timer: any DispatchSourceTimer

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
            hear: { [weak self] in self?.hear(.changed($0)) },
            tell: { [weak self] in self?.tell($0) })
        timer.setEventHandler { [weak self] in self?.tick() }
        timer.activate()
        tick()
    }

    func listen(_ hear: @escaping (StoreNotice) -> Void) { self.hear = hear }

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

    private func take(_ event: PostgresLink.Event, of attempt: Int) {
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
        tellCondition()
        pump()
    }

    private func becomeReady(_ link: PostgresLink) {
        phase = .ready(link)
        readySince = .now
        report("\(url.shown): connected")
        changesAt = .now
        hear(.missed)
        notifications?.start()
    }

    /// Finds changes whose notifications were lost.
    private func askForChanges() {
        changesAt = nil
        let next = ContinuousClock.now + limits.changesInterval
        let request = StoreOperation.Request.changes { [weak self] result in
            guard let self else { return }
            changesAt = next
            for id in (try? result.get()) ?? [] { hear(.changed(id)) }
        }
        let operation = StoreOperation(request: request, asked: clock.sinceBoot())
        add(operation, within: limits.completionMax, first: true)
    }

    // MARK: - Losing and finding

    /// Only a connection that has worked for a while is reopened at once, and waited for.
    private func lose(_ failure: PostgresFailure, isSilent: Bool = false) {
        attempt += 1
        var wasReady = false
        switch phase {
        case .closed: return
        case .greeting(let link): link.end()
        case .ready(let link):
            link.end()
            wasReady = true
        case .resting, .connecting: break
        }
        if !wasReady || isSilent || failures > 0 { failures += 1 }
        if wasReady || failure != lastFailure || failures == 1 {
            report("\(url.shown): \(url.hideSecrets(in: failure.text)); trying again")
        }
        notifications?.stop()
        lastFailure = failure
        isLate = false
        phase = .resting(until: .now + pauseBeforeNextAttempt())
        let underWay = work?.tasks ?? []
        work = nil
        for task in tasks.lose(underWay, hopeless: failures > 0) {
            task.fail(storeFailure(failure))
        }
        tellCondition()
        finishIfClosed()
    }

    /// Grows with each failure, and differs between replicas.
    private func pauseBeforeNextAttempt() -> Duration {
        let grown = limits.retryFirst * (1 << min(max(failures - 1, 0), 10))
        return min(grown, limits.retryMax) * Double.random(in: 0.5...1)
    }

    private func connect() {
        phase = .connecting
        attempt += 1
        let attempt = attempt
        let queue = queue
        PostgresLink.open(url, limits: limits, clock: clock.sinceBoot) { [weak self] event in
            queue.async { [weak self] in self?.take(event, of: attempt) }
        }
    }

    // MARK: - Time

    private func tick() {
        let now = ContinuousClock.now
        let hasLate = giveUpLate()
        switch phase {
        case .resting(let until) where until <= now && closers.isEmpty: connect()
        case .greeting, .ready: watchLink(now, hasLate: hasLate)
        case .resting, .connecting, .closed: break
        }
        tellCondition()
        pump()
        planTick()
    }

    /// Fails operations that have waited too long; true if work under way is late.
    private func giveUpLate() -> Bool {
        let now = ContinuousClock.now
        let failure = PostgresFailure.tooSlow("the database did not answer in time")
        for task in tasks.giveUp(at: now) { task.fail(storeFailure(failure)) }
        let late = work?.giveUp(at: now) ?? []
        for task in late { task.fail(storeFailure(failure)) }
        return !late.isEmpty
    }

    private func watchLink(_ now: ContinuousClock.Instant, hasLate: Bool) {
        isLate = isLate || hasLate
        if let sentAt = work?.sentAt, max(sentAt, lastHeard) + limits.silenceMax <= now {
            return lose(.lost("the database is silent"), isSilent: true)
        }
        guard case .ready = phase else { return }
        if readySince + limits.retryMax <= now { failures = 0 }
        if let changesAt, changesAt <= now, !isLate, closers.isEmpty { askForChanges() }
        if nextBeat <= now, work == nil, tasks.waiting.isEmpty { begin([]) }
    }

    private func planTick() {
        let now = ContinuousClock.now
        let isIdle = tasks.waiting.isEmpty && work == nil
        var next = isIdle ? now + limits.beatInterval : now + Self.tickInterval
        switch phase {
        case .resting(let until): next = min(next, until)
        case .ready:
            next = min(next, nextBeat)
            if let changesAt, !isLate, closers.isEmpty { next = min(next, changesAt) }
            if failures > 0 { next = min(next, readySince + limits.retryMax) }
        case .connecting, .greeting: break
        case .closed: return timer.schedule(deadline: .distantFuture)
        }
        let wait = max(now + .milliseconds(1), next) - now
        timer.schedule(
            deadline: .now() + .nanoseconds(Int(wait.nanoseconds)), leeway: .milliseconds(1))
    }

    /// A database that was too slow gets only heartbeats until it answers in time.
    private var nextBeat: ContinuousClock.Instant {
        lastSent + (isLate ? limits.probeInterval : limits.beatInterval)
    }

    /// The precision of deadlines while a reply is pending.
    private static let tickInterval = Duration.milliseconds(50)

    // MARK: - Telling

    func noticeTrouble(_ trouble: String) {
        quarantinedUntil = .now + quarantine
        report("\(url.shown): \(trouble); no calls until earlier ones can no longer matter")
    }

    /// Another process has detected it, or the server has just started.
    func noticeQuarantine(for span: Duration) {
        guard quarantinedUntil == nil else { return }
        quarantinedUntil = .now + span
        report("\(url.shown): it is in quarantine; no calls until \(span) have passed")
    }

    private func tell(_ event: NotificationEvent) {
        switch event {
        case .unheard(let reason):
            report(
                "\(url.shown): no notifications: \(reason); changes by other replicas are found in the"
                    + " journal")
        case .heard: report("\(url.shown): notifications are received again")
        case .unreadable: break
        }
        watchNotifications(event)
    }

    private func tellCondition() {
        if let until = quarantinedUntil, until <= .now { quarantinedUntil = nil }
        let found: StoreCondition
        switch phase {
        case .ready where isLate: found = .away("it does not answer in time")
        case .ready where quarantinedUntil != nil:
            found = .quarantined("it cannot vouch for its gates")
        case .ready: found = .well
        // Nothing to report before the first attempt has ended.
        case .resting where failures == 0 && condition == nil: return
        case .connecting where failures == 0 && condition == nil: return
        case .greeting where failures == 0 && condition == nil: return
        case .resting, .connecting, .greeting, .closed:
            found = .away(url.hideSecrets(in: lastFailure.text))
        }
        guard found != condition else { return }
        condition = found
        watch(found)
    }

    // MARK: - Closing

    func close(_ reply: @escaping @Sendable () -> Void) {
        closers.append(reply)
        finishIfClosed()
    }

    private func finishIfClosed() {
        let isIdle = tasks.waiting.isEmpty && work?.isAwaited != true
        guard !closers.isEmpty, isIdle else { return }
        switch phase {
        case .greeting(let link), .ready(let link): link.end()
        case .resting, .connecting, .closed: break
        }
        notifications?.stop()
        phase = .closed
        attempt += 1
        timer.cancel()
        let closers = closers
        self.closers = []
        // After the pending refusals.
        queue.async { closers.forEach { $0() } }
    }
}
