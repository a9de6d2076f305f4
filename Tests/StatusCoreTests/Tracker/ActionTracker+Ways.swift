// Why each way of asking reports an answer as stale, at one instant. Also linked into the core's tests.

@testable import StatusCore

extension ActionTracker {
    static let ways = ["plain", "wait", "change", "stream", "batch", "source", "explain"]

    /// Why the stored answer is stale, as each way reports it that answers at once. Copies are asked:
    /// nothing of it happens.
    func staleReasons(_ id: ActionID, now: Instant) -> [(way: String, reason: StaleReason?)] {
        var reasons: [(way: String, reason: StaleReason?)] = []
        let asker = CallerID(.max)
        func ask(_ way: String, _ question: Question) {
            var copy = self
            for case .reply(asker, .answer(let answer)) in copy.step(
                .asked(asker, question), now: now)
            {
                reasons.append((way, answer.staleReason))
            }
        }
        ask("plain", Question(id: id))
        // A held caller begins a refresh, which the answer to a caller without time to wait reports.
        if !reasons.isEmpty {
            ask("wait", Question(id: id, patience: .done(deadline: now)))
            ask("change", Question(id: id, patience: .change(from: [], deadline: now)))
            ask("stream", Question(id: id, patience: .update(from: 0, nil, deadline: now)))
        }
        ask("batch", Question(id: id, place: 1))
        for source in policy.configured { ask("source", Question(id: id, source: source)) }
        var copy = self
        for case .explain(asker, let explanation) in copy.step(
            .explanationAsked(asker, id), now: now)
        {
            for view in explanation.sources where explanation.asked.contains(view.source) {
                if let answer = view.answer { reasons.append(("explain", answer.staleReason)) }
            }
        }
        return reasons
    }
}
