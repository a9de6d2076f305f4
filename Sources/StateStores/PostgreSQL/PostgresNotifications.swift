// The change notifications between replicas, on a separate connection, so that no flood of them
// delays a decision.

internal import Dispatch
internal import StatusCore

/// Listens while its session has a connection, and sends the process's own changes. All
/// notifications may be lost: such changes are found in the journal (`ChangeCursor`).
///
/// off → connecting → greeting → listening → resting → connecting …; each may be followed by off.
///
/// `@unchecked Sendable`: everything but `init` and `deinit` runs on `queue`, its session's, onto which
/// the events of links hop.
final class PostgresNotifications: @unchecked Sendable {
    private let url: PostgresURL
    private let limits: PostgresLimits
    private let clock: StoreClock
    private let queue: DispatchQueue
    /// Identifies this process, so that it ignores its own notifications.
    private let sender = String(UInt64.random(in: .min ... .max), radix: 16)
    private let onChange: (ActionID) -> Void
    private let onEvent: (NotificationEvent) -> Void

    private enum Phase {
        case off, connecting, resting
        /// `LISTEN` was sent.
        case greeting(PostgresLink)
        case listening(PostgresLink)
    }

    private var phase = Phase.off
    /// Events of earlier links, and their timers, are ignored.
    private var attempt = 0
    /// Failures in a row, without a working connection for a while in between.
    private var failures = 0
    private var inbox: NotificationInbox
    /// When the inbox may be emptied again.
    private var emptyAt = ContinuousClock.now
    private var isEmptying = false
    /// Actions to notify of.
    private var outbox: Set<ActionID> = []
    private var isSending = false
    private var isInterrupted = false

    /// `onChange` is called with actions that other replicas have changed, `onEvent` with events for
    /// operators and health checks; both on `queue`.
    init(
        url: PostgresURL, limits: PostgresLimits, clock: StoreClock, queue: DispatchQueue,
        onChange: @escaping (ActionID) -> Void, onEvent: @escaping (NotificationEvent) -> Void
    ) {
        self.url = url
        self.limits = limits
        self.clock = clock
        self.queue = queue
        self.onChange = onChange
        self.onEvent = onEvent
        inbox = NotificationInbox(sender: sender, limits: limits)
    }

    deinit { link?.end() }

    private var link: PostgresLink? {
        switch phase {
        case .greeting(let link), .listening(let link): link
        case .off, .connecting, .resting: nil
        }
    }

    /// The session has a connection.
    func start() {
        guard case .off = phase else { return }
        connect()
    }

    /// The session has lost its connection, and reports that itself.
    func stop() {
        leave(for: .off)
        outbox = []
        reportResumption()
    }

    // MARK: - Sending

    /// Notifies the other replicas that these actions have changed.
    func send(_ ids: [ActionID]) {
        guard case .listening = phase else { return }
        outbox.formUnion(ids)
        pump()
    }

    /// Sends one statement at a time: further actions go with the next one.
    private func pump() {
        guard case .listening(let link) = phase, !isSending, !outbox.isEmpty else { return }
        isSending = true
        link.send([.notify(sender: sender, outbox)], Self.sendNumber)
        outbox = []
    }

    private static let listenNumber = 0
    private static let sendNumber = 1

    // MARK: - Events

    private func connect() {
        phase = .connecting
        attempt += 1
        let attempt = attempt
        let queue = queue
        inbox = NotificationInbox(sender: sender, limits: limits)
        PostgresLink.open(
            url, limits: limits, inbox: inbox, clock: clock.sinceBoot
        ) { [weak self] event in
            queue.async { [weak self] in self?.take(event, of: attempt) }
        }
    }

    private func take(_ event: PostgresLink.Event, of attempt: Int) {
        guard attempt == self.attempt else {
            if case .opened(let link) = event { link.end() }
            return
        }
        switch event {
        case .opened(let link):
            phase = .greeting(link)
            link.send([.listen], Self.listenNumber)
        case .replied(let number, let result, _): replied(number, result)
        case .notified: planEmptying()
        case .ended(let failure): lose(failure)
        }
    }

    private func replied(_ number: Int, _ result: Result<[PostgresResult], PostgresFailure>) {
        if case .failure(let failure) = result { return lose(failure) }
        if number == Self.sendNumber { isSending = false }
        if case .greeting(let link) = phase {
            phase = .listening(link)
            // Only after it has worked for a while, since a flood may just have begun.
            after(limits.notificationsWindow) { $0.reportResumption() }
        }
        pump()
    }

    /// At once, unless it was done a moment ago, so that a busy sender causes few look-ups.
    private func planEmptying() {
        guard !isEmptying else { return }
        isEmptying = true
        after(max(.zero, emptyAt - .now)) { $0.emptyInbox() }
    }

    private func emptyInbox() {
        isEmptying = false
        emptyAt = .now + limits.notificationsPause
        let content = inbox.empty()
        count(content)
        for id in content.ids { onChange(id) }
    }

    private func lose(_ failure: PostgresFailure) {
        let wasListening = if case .listening = phase { true } else { false }
        let grown = min(limits.retryFirst * (1 << min(failures, 10)), limits.retryMax)
        failures += 1
        leave(for: .resting)
        // A working connection that breaks is reopened before it is reported.
        if !wasListening || failures > 1 || failure == .flooded { reportInterruption(failure) }
        let rest = failure == .flooded ? limits.floodRest : grown
        after(rest * Double.random(in: 0.5...1)) { $0.connect() }
    }

    /// Discards the inbox, which is the purpose after a flood.
    private func leave(for next: Phase) {
        link?.end()
        phase = next
        attempt += 1
        isEmptying = false
        isSending = false
        count(inbox.empty())
    }

    private func count(_ content: NotificationInbox.Content) {
        if content.unreadable > 0 { onEvent(.unreadable(content.unreadable)) }
    }

    private func reportInterruption(_ failure: PostgresFailure) {
        guard !isInterrupted else { return }
        isInterrupted = true
        onEvent(.interrupted(url.hideSecrets(in: failure.text)))
    }

    private func reportResumption() {
        failures = 0
        guard isInterrupted else { return }
        isInterrupted = false
        onEvent(.resumed)
    }

    /// Runs unless the connection has changed by then.
    private func after(
        _ span: Duration, _ body: @escaping @Sendable (PostgresNotifications) -> Void
    ) {
        let attempt = attempt
        queue.asyncAfter(deadline: .now() + .nanoseconds(Int(span.nanoseconds))) { [weak self] in
            guard let self, attempt == self.attempt else { return }
            body(self)
        }
    }
}

/// Events of change notifications, for operators and health checks. Texts are for operators, and
/// contain no secrets.
public enum NotificationEvent: Sendable, Equatable {
    /// The number of received notifications that no replica has sent.
    case unreadable(Int)
    /// From now on none are received: changes are found in the journal.
    case interrupted(String)
    case resumed
}
