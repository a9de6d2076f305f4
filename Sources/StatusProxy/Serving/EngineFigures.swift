// What the engine reports of itself: figures, notes for operators, calls in the tracker's terms.

import Dispatch
import Locking
import StatusAPI
import StatusCore
import Synchronization

/// Which kinds of store operations have failed and not succeeded since. A read does not reveal a
/// full disk; a write shows that both work.
struct StoreTroubles {
    private var reading = false
    private var writing = false

    mutating func began(byWriting: Bool) {
        if byWriting { writing = true } else { reading = true }
    }

    /// True if both kinds work again from now on.
    mutating func ended(byWriting: Bool) -> Bool {
        let hadTrouble = reading || writing
        reading = false
        if byWriting { writing = false }
        return hadTrouble && !writing
    }
}

/// The engine's figures for metrics.
struct EngineFigures: Sendable {
    var stored = 0
    var storedBytes = 0
    var waiting = 0
    var turns = 0
    /// The longest turn, in CPU time of its thread.
    var longestTurn = Duration.zero
    var upstreams: [UpstreamFigures] = []
}

/// Receives the engine's notes for operators. Called on the engine's queue.
protocol EngineObserver: Sendable {
    func observe(_ note: Note)
}

extension UpstreamCallReport {
    var bodyBytes: Int { (try? result.get().body.count) ?? 0 }
}

extension CallReport {
    /// Interprets the transport's report.
    init(
        _ report: UpstreamCallReport, _ key: EntryKey, _ reader: any StateReader, clocks: Clocks
    ) {
        let checkedAt = clocks.wall + (report.answeredAt - clocks.instant)
        let outcome: CallOutcome
        var hints = RateHints.none
        switch report.result {
        case .success(let reply):
            (outcome, hints) = Normalizer.outcome(
                of: reply, about: key, by: reader, now: checkedAt)
        case .failure(let failure):
            outcome = .failed(UpstreamFault(kind: failure.kind, message: failure.detail))
            hints.retryAfter = failure.leftAloneFor
        }
        self.init(
            outcome: outcome, hints: hints, sentAt: report.sentAt, endedAt: report.endedAt,
            answeredAt: report.answeredAt, checkedAt: checkedAt)
    }
}
