// The APIs that the sandbox simulates.

enum API: String, CaseIterable, Sendable {
    /// Mirakl Connect order actions.
    case orders
    /// Voucherify async actions.
    case vouchers
    /// Mirakl Connect conversation actions.
    case conversations
    /// Any API that reports the state of a job.
    case jobs

    /// Whether it shares order actions' host, credentials and form of errors.
    var isMirakl: Bool { self == .orders || self == .conversations }
}
