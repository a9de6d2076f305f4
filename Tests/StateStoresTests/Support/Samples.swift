// Requests and states for tests.

import StatusCore

extension ActionID {
    static func sample(_ text: String) -> ActionID {
        guard let id = ActionID(text) else { preconditionFailure("\(text) is not an id") }
        return id
    }
}

extension EntryKey {
    static func orders(_ id: String) -> EntryKey { EntryKey(.orders, .sample(id)) }
    static func vouchers(_ id: String) -> EntryKey { EntryKey(.vouchers, .sample(id)) }
}

extension Reservation {
    static let hold = Duration.seconds(41)
    static let flightMax = Duration.seconds(13)
    static let quarantine = flightMax + BudgetLimits.minuteWindow

    /// Hold 41 s, flight 13 s, and a budget large enough.
    static func of(
        _ key: EntryKey, perMinute: Int = 1000, perDay: Int? = nil, hold: Duration = hold,
        heedsBreaker: Bool = false, holder: String? = nil
    ) -> Reservation {
        Reservation(
            key: key, minInterval: .seconds(28), hold: hold, flightMax: flightMax,
            budget: BudgetLimits(perMinute: perMinute, perDay: perDay), heedsBreaker: heedsBreaker,
            holder: holder)
    }
}

extension Completion {
    static func of(
        _ key: EntryKey, _ token: FencingToken, _ gate: Gate = .opens(in: .seconds(30)),
        pause: Duration? = nil, sentAgo: Duration? = nil, observation: Observation = .none
    ) -> Completion {
        Completion(
            key: key, token: token, gate: gate, pause: pause, sentAgo: sentAgo,
            observation: observation,
            outcome: "answered")
    }
}

extension ActionDocument {
    static func sample(
        _ text: String, _ source: Source = .orders, _ status: ActionStatus = .pending,
        isDone: Bool = false
    ) -> ActionDocument {
        ActionDocument(
            bytes: Array("{\"id\":\"\(text)\"}".utf8), source: source, status: status,
            isDone: isDone, createdAt: WallTime(milliseconds: 1_799_999_990_120))
    }
}

extension Completion.Observation {
    static func negative(_ kind: UpstreamFault.Kind, repeats: Int = 1, age: Duration = .zero)
        -> Self
    {
        .negative(
            KeptNegativeResult(
                fault: UpstreamFault(kind: kind, httpStatus: 404, code: "c", message: "m"),
                repeats: repeats, age: age))
    }
}
