// Rows in dictionaries: forgotten when the process ends.

import StatusCore

/// What the memory store keeps.
///
/// `@unchecked Sendable`: touched only under its store's lock.
final class MemoryRows: StoreRows, @unchecked Sendable {
    typealias Failure = Never

    private var looks: [LookKey: KeptLook] = [:]
    private var calls: [SlotToken: KeptCall] = [:]
    private var ends: [Source: [CallGroup: CallEnds]] = [:]
    private var sources: [Source: KeptSource] = [:]
    private(set) var lastToken = SlotToken(0)

    /// The same rows, which go their own way from here on.
    func copy() -> MemoryRows {
        let copy = MemoryRows()
        copy.looks = looks
        copy.calls = calls
        copy.ends = ends
        copy.sources = sources
        copy.lastToken = lastToken
        return copy
    }

    /// No token up to this one is given (again).
    func skipTokens(past token: SlotToken) { lastToken = max(lastToken, token) }

    func look(_ key: LookKey) -> KeptLook? { looks[key] }

    func isKnown(_ id: ActionID) -> Bool {
        Source.allCases.contains { looks[LookKey($0, id)]?.isKnown == true }
    }

    func add(_ look: KeptLook) { looks[look.key] = look }

    func moveGate(of key: LookKey, opens: Instant, owner: SlotToken) {
        looks[key]?.opens = opens
        looks[key]?.token = owner
    }

    func keepNews(of look: KeptLook) { looks[look.key] = look }

    func add(_ call: NewCall) -> SlotToken {
        lastToken = SlotToken(lastToken.number + 1)
        enter(
            KeptCall(
                token: lastToken, key: call.key, before: call.before, reserved: call.reserved,
                ended: call.ends, state: .underWay, wasUnknown: call.wasUnknown,
                wasNotFound: call.wasNotFound, holder: call.holder, limits: call.limits))
        return lastToken
    }

    func call(_ token: SlotToken) -> KeptCall? { calls[token] }

    func keepEnd(of call: KeptCall) {
        drop(call.token)
        enter(call)
    }

    func callCount(_ source: Source, endingAfter moment: Instant) -> Int {
        ends[source]?[.all]?.count(after: moment) ?? 0
    }

    func callEnd(_ source: Source, rank: Int, of group: CallGroup) -> Instant? {
        ends[source]?[group]?.latest(rank)
    }

    /// In the order in which they were granted.
    var journal: [KeptCall] { calls.values.sorted { $0.token < $1.token } }

    func source(_ source: Source) -> KeptSource { sources[source] ?? KeptSource() }

    func keep(_ state: KeptSource, of source: Source) { sources[source] = state }

    private func enter(_ call: KeptCall) {
        calls[call.token] = call
        for group in call.groups {
            ends[call.key.source, default: [:]][group, default: CallEnds()].insert(call.ended)
        }
    }

    private func drop(_ token: SlotToken) {
        guard let call = calls.removeValue(forKey: token) else { return }
        for group in call.groups { ends[call.key.source]?[group]?.remove(call.ended) }
    }
}

extension MemoryRows {
    /// Drops what is past its use; tells how many answers, misses, gates and calls that were.
    func purge(_ retention: Retention, at now: Instant) -> Int {
        looks.keys.reduce(0) { $0 + purge($1, retention, now) } + purgeCalls(now)
    }

    private func purge(_ key: LookKey, _ retention: Retention, _ now: Instant) -> Int {
        guard var look = looks[key] else { return 0 }
        var dropped = 0
        if let answer = look.answer,
            now - answer.told.time
                > (answer.document.isDone ? retention.terminalTTL : retention.staleMax)
        {
            look.answer = nil
            dropped += 1
        }
        if let miss = look.miss, now - miss.ended.time > retention.missMax {
            look.miss = nil
            look.notFoundSince = nil
            dropped += 1
        }
        looks[key] = look
        let isBare = look.answer == nil && look.miss == nil
        if isBare, look.opens <= now, now - look.opens > retention.missMax {
            looks[key] = nil
            dropped += 1
        }
        return dropped
    }

    private func purgeCalls(_ now: Instant) -> Int {
        var old = calls.values.filter { now - $0.ended > JournalLimits.span }.map(\.token)
        let excess = calls.count - old.count - JournalLimits.rowsMax
        if excess > 0 {
            let past = calls.values.filter {
                let age = now - $0.ended
                return age > BudgetLimits.dayWindow && age <= JournalLimits.span
            }
            old += past.map(\.token).sorted().prefix(excess)
        }
        old.forEach(drop)
        return old.count
    }
}

extension KeptCall {
    fileprivate var groups: [CallGroup] {
        var groups = [CallGroup.all]
        if wasUnknown { groups.append(.unknown) }
        if wasNotFound { groups.append(.notFound) }
        if let holder { groups.append(.holder(holder)) }
        return groups
    }
}
