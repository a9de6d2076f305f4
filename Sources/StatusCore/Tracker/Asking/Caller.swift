// One held request.

/// A held request.
struct Caller: Sendable {
    var id: CallerID
    var question: Question
    var askedAt: Instant
    /// Until when it is held, if nothing happens.
    var heldUntil: Instant
    /// Until when it is held for a refresh; nil before it has been held for one.
    var refreshUntil: Instant?
    /// Since when the state is stale for another reason than the caller knows.
    var reasonChangedAt: Instant?

    var isPatient: Bool { question.patience != .none }
    var isFollower: Bool { if case .update = question.patience { true } else { false } }

    /// Asks for the same refreshes, for the same reason.
    func asksForTheSame(as other: Caller) -> Bool {
        question.source == other.question.source && isPatient == other.isPatient
            && question.holder == other.question.holder
            && question.isOfMany == other.question.isOfMany
    }
}
