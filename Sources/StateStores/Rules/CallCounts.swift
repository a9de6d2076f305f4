// The counted calls of one upstream, by class and window.

import StatusCore

/// The basis of budget decisions. Its size is bounded for any number of calls and callers.
struct CallCounts: Equatable, Sendable {
    /// One class's calls, in each span.
    struct Counter: Equatable, Sendable {
        var minute = CallRing()
        var day = CallRing()

        subscript(span: BudgetSpan) -> CallRing {
            get { span == .minute ? minute : day }
            set { if span == .minute { minute = newValue } else { day = newValue } }
        }
    }

    /// Callers beyond this number share one class.
    static let holdersMax = 64
    /// The name of that class, which no caller has.
    static let otherHolders = ""

    var counters: [CallClass: Counter] = [:]

    /// The caller's own class, if there is room for one.
    func counted(_ holder: String) -> String {
        if counters[.holder(holder)] != nil { return holder }
        let holders = counters.keys.reduce(0) { if case .holder = $1 { $0 + 1 } else { $0 } }
        return holders < Self.holdersMax ? holder : Self.otherHolders
    }

    mutating func add(_ end: Instant, _ classes: CallClasses, now: Instant) {
        for counted in classes.all {
            for span in BudgetSpan.allCases {
                counters[counted, default: Counter()][span].add(end, span, now: now)
            }
        }
    }

    mutating func remove(_ end: Instant, _ classes: CallClasses) {
        for counted in classes.all {
            for span in BudgetSpan.allCases { counters[counted]?[span].remove(end, span) }
        }
    }

    /// Removes callers of whom no call counts at `now`.
    mutating func forgetHolders(at now: Instant) {
        for case .holder(let name) in Array(counters.keys) {
            let counter = counters[.holder(name)] ?? Counter()
            let last = [counter.day.end(rank: 1), counter.minute.end(rank: 1)].compactMap { $0 }
                .max()
            if last.map({ $0 + BudgetSpan.day.length <= now }) ?? true {
                counters[.holder(name)] = nil
            }
        }
    }

    /// When a window has room again: when the `limit`-th latest call stops counting.
    func opensIn(_ window: BudgetWindow, at now: Instant) -> Duration {
        guard window.limit > 0 else { return window.span.length }
        guard let end = counters[window.counted]?[window.span].end(rank: window.limit) else {
            return .zero
        }
        return end + window.span.length - now
    }

    /// When the calls that count now stop counting.
    func returns(of window: BudgetWindow, at now: Instant) -> [BudgetReturns.Calls] {
        let ring = counters[window.counted]?[window.span] ?? CallRing()
        let counted = ring.buckets.filter { $0.end + window.span.length > now }
        // After a limit was lowered, the first calls that stop counting free no call.
        var surplus = counted.reduce(-window.limit) { $0 + $1.calls }
        return counted.compactMap { bucket in
            let kept = max(0, min(surplus, bucket.calls))
            surplus -= kept
            guard bucket.calls > kept else { return nil }
            return BudgetReturns.Calls(
                after: bucket.end + window.span.length - now, count: bucket.calls - kept)
        }
    }

    func left(of window: BudgetWindow, at now: Instant) -> Int {
        let ring = counters[window.counted]?[window.span] ?? CallRing()
        return max(0, window.limit - ring.count(after: now - window.span.length))
    }
}
