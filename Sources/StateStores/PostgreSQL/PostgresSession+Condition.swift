// How the connection is: lost and found again, late, reported, closed.

internal import Dispatch
internal import StatusCore

extension PostgresSession {
    /// Only a connection that has worked for a while is reopened at once, and waited for.
    func lose(_ failure: PostgresFailure, isSilent: Bool = false) {
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
        reportCondition()
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

    func tick() {
        let now = ContinuousClock.now
        let hasLate = giveUpLate()
        switch phase {
        case .resting(let until) where until <= now && closers.isEmpty: connect()
        case .greeting, .ready: watchLink(now, hasLate: hasLate)
        case .resting, .connecting, .closed: break
        }
        reportCondition()
        pump()
        planTick()
    }

    /// Fails operations that have waited too long; true if work under way is late.
    func giveUpLate() -> Bool {
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

    func planTick() {
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

    // MARK: - Reports

    func reportTrouble(_ trouble: String) {
        quarantinedUntil = .now + quarantine
        report("\(url.shown): \(trouble); no calls until earlier ones can no longer matter")
    }

    /// Another process has detected it, or the server has just started.
    func beginQuarantine(for span: Duration) {
        guard quarantinedUntil == nil else { return }
        quarantinedUntil = .now + span
        report("\(url.shown): it is in quarantine; no calls until \(span) have passed")
    }

    func handle(_ event: NotificationEvent) {
        switch event {
        case .interrupted(let reason):
            report(
                "\(url.shown): no notifications: \(reason); changes by other replicas are found in the"
                    + " journal")
        case .resumed: report("\(url.shown): notifications are received again")
        case .unreadable: break
        }
        watchNotifications(event)
    }

    func reportCondition() {
        if let until = quarantinedUntil, until <= .now { quarantinedUntil = nil }
        let found: StoreCondition
        switch phase {
        case .ready where isLate: found = .away("it does not answer in time")
        case .ready where quarantinedUntil != nil:
            found = .quarantined("its gates may be incomplete")
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

    func finishIfClosed() {
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
