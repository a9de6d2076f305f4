// Short accessors of replies, and a record of the order in which they came.

import Locking
import StatusCore

@testable import StateStores

extension ReservationReply.Verdict {
    var isGranted: Bool { if case .granted = self { true } else { false } }
    var isGateShut: Bool { if case .gateShut = self { true } else { false } }

    /// The remaining time of an open breaker, if that is the reason.
    var restsFor: Duration? {
        if case .resting(let opensIn) = self { opensIn } else { nil }
    }

    /// The remaining quarantine, if that is the reason.
    var quarantine: Duration? {
        if case .quarantined(let opensIn) = self { opensIn } else { nil }
    }
}

extension BudgetKind {
    /// By how much the window is longer than its name says.
    var slew: Duration {
        switch self {
        case .minute, .minuteUnknown, .minuteNotFound, .minuteHolder:
            BudgetLimits.minuteWindow - .seconds(60)
        case .day, .dayUnknown, .dayNotFound, .dayHolder:
            BudgetLimits.dayWindow - .seconds(86_400)
        }
    }
}

extension ReservationReply {
    var token: FencingToken? { if case .granted(let token) = verdict { token } else { nil } }
}

extension OpenStore {
    /// `seconds` of a window minus what clocks may differ by.
    func isSpent(_ reply: ReservationReply, _ seconds: Int, _ kind: BudgetKind) -> Bool {
        guard case .budgetSpent(let opensIn, kind) = reply.verdict else { return false }
        return isAbout(opensIn, .seconds(seconds) + kind.slew)
    }

    /// Equal within the error of the store's clock.
    func isNear(_ found: Duration, _ expected: Duration) -> Bool {
        found >= expected - tolerance && found <= expected + tolerance
    }

    func journalCalls() throws -> [JournaledCall] { try journal().calls() }

    /// Makes the orders upstream report a state of each of these actions.
    func makeKnown(_ ids: [String]) async throws {
        for id in ids {
            let token = try await store.grant(.of(.orders(id)))
            try await store.complete(
                .of(
                    .orders(id), token, .opens(in: .zero),
                    observation: .answer(.sample(id), checkedAt: wall())))
        }
    }
}

extension CallJournal {
    func calls() throws -> [JournaledCall] {
        var calls: [JournaledCall] = []
        try forEachCall { calls.append($0) }
        return calls
    }
}

/// Words in the order in which they were added, from any queue.
final class Recorder: Sendable {
    private let said = Guarded<[String]>([])

    func add(_ word: String) { said.withLock { $0.append(word) } }
    var words: [String] { said.withLock { $0 } }
}
