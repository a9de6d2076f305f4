// The APIs that the sandbox plays.

enum API: String, CaseIterable, Sendable {
    /// Mirakl Connect order actions.
    case orders
    /// Voucherify async actions.
    case vouchers
    /// Mirakl Connect conversation actions.
    case conversations
    /// Any API that tells the state of a job.
    case jobs

    /// What it shares with order actions: host, credentials, and the form of its errors.
    var isMirakl: Bool { self == .orders || self == .conversations }
}
