// Further accounts at the same APIs, each with its own ids, limits, faults and audit.

import StatusCore

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
