// One held request.

/// A held request.
struct Caller: Sendable {
    var id: CallerID
    var question: Question
    var askedAt: Instant
    /// Until when it is held without further events.
    var heldUntil: Instant
    /// Until when it is held for a refresh; nil if it was never held for one.
    var refreshUntil: Instant?
    /// Since when the stale reason differs from the one that the caller knows.
    var reasonChangedAt: Instant?

    var isPatient: Bool { question.patience != .none }
    var isFollower: Bool { if case .update = question.patience { true } else { false } }

    /// Whether it asks for the same refreshes, for the same reason.
    func asksForTheSame(as other: Caller) -> Bool {
        question.source == other.question.source && isPatient == other.isPatient
            && question.holder == other.question.holder
            && question.isOfMany == other.question.isOfMany
    }
}
