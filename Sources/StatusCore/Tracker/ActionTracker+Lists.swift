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
    func isListable(_ entry: WantQueue.Entry, _ source: Source) -> Bool {
        guard let look = actions[entry.id]?.looks[source] else { return false }
        return look.answer != nil && look.listing == .expected
    }

    mutating func park(_ entry: WantQueue.Entry, _ source: Source) {
        let before = actions[entry.id]?.looks[source].wanted?.parkedAt
        actions[entry.id]?.looks[source].wanted?.parkedAt = before ?? now
        upstreams[source]?.parked.append(entry)
    }

    mutating func startOwn(_ entry: WantQueue.Entry, _ source: Source) {
        if isListable(entry, source) { upstreams[source]?.noteUnspared(now) }
        start(LookKey(source, entry.id))
    }

    /// Puts wants back into their queue when there is nothing to wait for any more.
    mutating func unpark(_ source: Source, unless list: List) {
        guard let parked = upstreams[source]?.parked, !parked.isEmpty else { return }
        switch list {
        case .away, .callable: break
        case .soon, .underWay: return
        }
        upstreams[source]?.parked = []
        for entry in parked { putBack(entry, source) }
    }

    private mutating func putBack(_ entry: WantQueue.Entry, _ source: Source) {
        guard isStillWanted(entry, source), let lane = actions[entry.id]?.lane else { return }
        upstreams[source]?[lane].wants.insert(entry)
    }

    private func isStillWanted(_ entry: WantQueue.Entry, _ source: Source) -> Bool {
        actions[entry.id]?.looks[source].wanted?.rank == entry.rank
    }

    /// Calls the list if enough wait for it, or have made calls of their own within an interval; else
    /// they make their own calls.
    mutating func pullParked(_ source: Source, _ list: List) {
        guard list != .underWay, let upstream = upstreams[source], !upstream.parked.isEmpty,
            let least = upstream.policy.listsFrom
        else { return }
        let parked = upstream.parked.filter { isStillWanted($0, source) }
        upstreams[source]?.parked = parked
        guard parked.count + upstream.unspared(now) >= least else {
            upstreams[source]?.parked = []
            for entry in parked {
                if upstreams[source]?.hasRoom == true {
                    startOwn(entry, source)
                } else {
                    putBack(entry, source)
                }
            }
            return
        }
        switch list {
        case .callable: startList(source)
        case .soon(let dueAt): planListWake(dueAt, source)
        case .away, .underWay: break
        }
    }

    private mutating func startList(_ source: Source) {
        guard upstreams[source]?.hasRoom == true else { return }
        if actions[.list] == nil {
            actions[.list] = TrackedAction(now: now)
            actions[.list]?.isLoaded = true
        }
        actions[.list]?.looks[source].isKnown = true
        start(LookKey(source, .list))
    }

    private mutating func planListWake(_ dueAt: Instant, _ source: Source) {
        guard listWakeAt <= now || dueAt < listWakeAt else { return }
        listWakeAt = dueAt
        wakes.insert(.source(source), at: dueAt)
    }
}

// MARK: - What a list has told

extension ActionTracker {
    /// The answers that it has told again.
    func confirmations(
        _ items: [ListedAction], _ source: Source, _ report: CallReport
    ) -> [Confirmation] {
        items.compactMap { item in
            guard let answer = answer(listedAs: item, source, report),
                answer.document == item.document
            else { return nil }
            return Confirmation(id: item.id, checkedAt: answer.checkedAt)
        }
    }

    /// What is kept of a listed action, unless it is final, or news from after the list.
    private func answer(
        listedAs item: ListedAction, _ source: Source, _ report: CallReport
    ) -> Look.Told? {
        guard let answer = actions[item.id]?.looks[source].answer, !answer.document.isDone,
            answer.newsAt < report.answeredAt
        else { return nil }
        return answer
    }

    /// Refreshes what was told again. Whatever ended, changed, or was not shown is left to its own
    /// call.
    mutating func take(
        _ items: [ListedAction], _ source: Source, _ report: CallReport, gateOpensAt: Instant?
    ) {
        guard let policy = policy.sources[source] else { return }
        let opensAt = gateOpensAt ?? report.endedAt + policy.minInterval + policy.slew
        let shown = Set(items.map(\.id))
        for entry in upstreams[source]?.parked ?? [] where !shown.contains(entry.id) {
            actions[entry.id]?.looks[source].listing = .missing
        }
        for item in items {
            guard let answer = answer(listedAs: item, source, report) else { continue }
            guard answer.document == item.document else {
                actions[item.id]?.looks[source].listing = .changed
                continue
            }
            actions[item.id]?.looks[source].confirm(report, opensAt: opensAt)
            dropWantUnlessDue(LookKey(source, item.id))
            touch(item.id)
        }
    }
}

extension Look {
    /// The list has told the kept state again.
    fileprivate mutating func confirm(_ report: CallReport, opensAt: Instant) {
        answer?.checkedAt = report.checkedAt
        answer?.at = report.endedAt
        answer?.newsAt = report.endedAt
        answer?.answeredAt = report.answeredAt
        if let miss, miss.at <= report.answeredAt { self.miss = nil }
        self.opensAt = max(self.opensAt, opensAt)
        lastStarter = nil
        listing = .expected
    }
}
