// The APIs that the sandbox simulates, and their accounts, each with its own ids, limits, faults
// and audit.

import StatusCore

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

/// The number of an account; 0 is the one without a number in its URL.
enum Accounts {
    static let numberMax = 99

    /// Removes `accounts/N` from the path.
    static func split(_ segments: [String]) -> (account: Int, rest: [String])? {
        guard segments.first == "accounts" else { return (0, segments) }
        guard segments.count > 1, let number = Int(segments[1]), (1...numberMax).contains(number),
            String(number) == segments[1]
        else { return nil }
        return (number, Array(segments.dropFirst(2)))
    }
}
