// One call for many: an upstream's list tells which of its newest actions are unchanged.

extension ActionTracker {
    /// How a list stands towards looks that it could spare their own calls.
    enum List: Equatable {
        /// There is none, or it may not be called for longer than a look should wait.
        case away
        case callable
        /// It can be called in a moment.
        case soon(Instant)
        /// It is being called, here or elsewhere.
        case underWay

        var isSoon: Bool {
            if case .soon = self { true } else { false }
        }
    }

    /// Wants wait that long for a list's gate: what was refreshed by the list is due again when the
    /// gate opens, give or take what store and clocks make of it.
    static let listPatience = Duration.milliseconds(500)

    func list(of source: Source) -> List {
        guard let policy = policy.sources[source], policy.listsFrom != nil else { return .away }
        guard let look = actions[.list]?.looks[source] else { return .callable }
        if look.flight != nil { return .underWay }
        if let neighbour = look.neighbour, now < neighbour.endsBy { return .underWay }
        let dueAt = look.dueAt(watched: true, policy)
        if now >= dueAt { return .callable }
        return now >= dueAt - Self.listPatience ? .soon(dueAt) : .away
    }

    /// A list can tell a state again that is kept; any other look needs its own call.
    private func isListable(_ entry: WantQueue.Entry, _ source: Source) -> Bool {
        guard let look = actions[entry.id]?.looks[source], look.answer != nil else { return false }
        switch look.listing {
        case .expected: return true
        case .changed: return false
        case .missing(let until): return now >= until
        }
    }

    /// Starts wants in their order. If enough of them can be told by the list, or such looks have made
    /// calls of their own within an interval, the list has the turn of the first of them; the others
    /// wait for it.
    mutating func start(_ batch: [WantQueue.Entry], _ source: Source) {
        guard let upstream = upstreams[source] else { return }
        var list = list(of: source)
        if list == .callable || list.isSoon {
            let waiting = batch.count { isListable($0, source) } + upstream.parked.count
            let isWorthACall = waiting + upstream.unspared(now) >= upstream.policy.listsFrom ?? .max
            if !isWorthACall { list = .away }
        }
        for entry in batch {
            guard list != .away, isListable(entry, source) else {
                startOwn(entry, source)
                continue
            }
            park(entry, source)
            switch list {
            case .callable:
                startList(source)
                list = .underWay
            case .soon(let dueAt): planListWake(dueAt, source)
            case .away, .underWay: break
            }
        }
    }

    private mutating func startOwn(_ entry: WantQueue.Entry, _ source: Source) {
        if isListable(entry, source) { upstreams[source]?.noteUnspared(now) }
        start(LookKey(source, entry.id))
    }

    private mutating func park(_ entry: WantQueue.Entry, _ source: Source) {
        let since = actions[entry.id]?.looks[source].wanted?.refreshedSince
        actions[entry.id]?.looks[source].wanted?.refreshedSince = since ?? now
        actions[entry.id]?.looks[source].wanted?.parkedAt = now
        upstreams[source]?.parked.append(entry)
        touch(entry.id)
    }

    /// Puts wants back into their queue when there is nothing to wait for any more.
    mutating func unpark(_ source: Source) {
        guard let parked = upstreams[source]?.parked, !parked.isEmpty else { return }
        switch list(of: source) {
        case .away, .callable: break
        case .soon, .underWay: return
        }
        upstreams[source]?.parked = []
        for entry in parked {
            guard let tracked = actions[entry.id], let wanted = tracked.looks[source].wanted,
                wanted.rank == entry.rank
            else { continue }
            actions[entry.id]?.looks[source].wanted?.parkedAt = nil
            upstreams[source]?[wanted.lane].wants.insert(entry)
            touch(entry.id)
        }
    }

    private mutating func startList(_ source: Source) {
        if actions[.list] == nil {
            actions[.list] = TrackedAction(.list, now: now)
            actions[.list]?.isLoaded = true
        }
        actions[.list]?.looks[source].isKnown = true
        start(LookKey(source, .list))
    }

    private mutating func planListWake(_ dueAt: Instant, _ source: Source) {
        guard let planned = upstreams[source]?.listWakeAt, planned <= now || dueAt < planned else {
            return
        }
        upstreams[source]?.listWakeAt = dueAt
        wakes.insert(.source(source), at: dueAt)
    }
}

// MARK: - What a list has told

extension ActionTracker {
    /// When the states that a call told were true at the latest. A list's are as old as its sending:
    /// a call of an action that was under way beside it may have told a newer one.
    func newsAt(_ report: CallReport, _ key: LookKey) -> Instant {
        key.isList ? min(report.sentAt ?? report.answeredAt, report.answeredAt) : report.answeredAt
    }

    /// The states that can still change; whoever keeps one of them has it confirmed.
    func confirmations(_ items: [ListedAction]) -> [Confirmation] {
        items.filter { !$0.document.isDone }.map {
            Confirmation(id: $0.id, document: $0.document)
        }
    }

    /// Refreshes what was told again. Whatever ended, changed, or was not shown is left to its own
    /// call.
    mutating func take(
        _ items: [ListedAction], _ key: LookKey, _ report: CallReport, gateOpensAt: Instant?
    ) {
        guard let policy = policy.sources[key.source] else { return }
        let newsAt = newsAt(report, key)
        let opensAt = gateOpensAt ?? report.endedAt + policy.minInterval + policy.slew
        let shown = Set(items.map(\.id))
        for entry in upstreams[key.source]?.parked ?? [] where !shown.contains(entry.id) {
            actions[entry.id]?.looks[key.source].listing = .missing(until: now + policy.maxInterval)
        }
        for item in items {
            // Not what is final, nor news from after the list was sent.
            guard let answer = actions[item.id]?.looks[key.source].answer,
                !answer.document.isDone, answer.newsAt < newsAt
            else { continue }
            guard answer.document == item.document else {
                actions[item.id]?.looks[key.source].listing = .changed
                continue
            }
            actions[item.id]?.looks[key.source].confirm(report, newsAt: newsAt, opensAt: opensAt)
            dropWantUnlessDue(LookKey(key.source, item.id))
            touch(item.id)
        }
    }
}

extension Look {
    /// The list has told the kept state again.
    fileprivate mutating func confirm(_ report: CallReport, newsAt: Instant, opensAt: Instant) {
        answer?.checkedAt = report.checkedAt
        answer?.at = report.endedAt
        answer?.newsAt = newsAt
        answer?.answeredAt = newsAt
        if let miss, miss.at <= newsAt { self.miss = nil }
        if let notFoundSince, notFoundSince <= newsAt { self.notFoundSince = nil }
        self.opensAt = max(self.opensAt, opensAt)
        lastStarter = nil
        listing = .expected
    }
}
