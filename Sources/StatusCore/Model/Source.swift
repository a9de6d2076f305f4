// The two upstreams that status-proxy stands in front of.

/// An upstream that knows the state of actions.
public enum Source: String, CaseIterable, Comparable, Sendable {
    /// Mirakl Connect order actions.
    case orders
    /// Voucherify async actions.
    case vouchers

    public static func < (a: Source, b: Source) -> Bool { a.rawValue < b.rawValue }
}
