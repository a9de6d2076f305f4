// Reads the items of a vouchers `result`, in any of its documented shapes.

/// The counts and the failed items of a `result`.
struct VoucherTally {
    /// `done_count` and `failed_count`; nil if both are absent.
    let counts: Action.Counts?
    /// `failed[]`, then `results[]` that were not found, then `errors[]`; at most
    /// ``Action/errorsMax``.
    let errors: [ActionError]
    let failures: Failures
    /// Whether something succeeded, by the items of `results`, else by `done_count`. True if both
    /// are absent: a body that lists two failures does not say that all failed.
    let hasSuccesses: Bool

    /// The failures that one member, or all together, show. A later case outweighs an earlier one.
    enum Failures: Int, Comparable {
        case unreported
        case nothingFailed
        case somethingFailed
        /// There is something unreadable, which may mean a failure.
        case unreadable

        static func < (a: Failures, b: Failures) -> Bool { a.rawValue < b.rawValue }
    }

    init(_ result: JSONValue?) {
        let done = result?["done_count"]?.count
        let failed = result?["failed_count"]?.count
        counts =
            done == nil && failed == nil ? nil : Action.Counts(succeeded: done, failed: failed)
        let items = result?.items("results") ?? []
        let reported = [
            done == nil ? .unreported : .nothingFailed,
            Self.failures(inCount: result?["failed_count"]),
            Self.failures(inList: result?["failed"]), Self.failures(inList: result?["errors"]),
            Self.failures(inResults: result?["results"]),
        ]
        failures = reported.max() ?? .unreported
        hasSuccesses =
            items.isEmpty
            ? done.map { !$0.isZero } ?? true : items.contains { !Self.isMissing($0) }
        let errors = [
            (result?.items("failed") ?? []).prefix(Action.errorsMax).map(Self.failedItem),
            items.filter(Self.isMissing).prefix(Action.errorsMax).map(Self.missingItem),
            (result?.items("errors") ?? []).prefix(Action.errorsMax).map(Self.error),
        ]
        self.errors = Array(errors.joined().prefix(Action.errorsMax))
    }

    // MARK: Failures

    private static func failures(inCount value: JSONValue?) -> Failures {
        guard let value else { return .unreported }
        guard let count = value.count else { return .unreadable }
        return count.isZero ? .nothingFailed : .somethingFailed
    }

    /// Every item of the list is a failure.
    private static func failures(inList value: JSONValue?) -> Failures {
        switch value {
        case nil: .unreported
        case .array(let items): items.isEmpty ? .nothingFailed : .somethingFailed
        case .object(let members): members.isEmpty ? .nothingFailed : .somethingFailed
        default: .unreadable
        }
    }

    /// `{code|source_id, found, updated}`: only an item that was not found is a failure.
    private static func failures(inResults value: JSONValue?) -> Failures {
        switch value {
        case nil: .unreported
        case .array(let items): items.map(failures(inResult:)).max() ?? .nothingFailed
        case .object(let members)? where members.isEmpty: .nothingFailed
        case .object(let members)?: failures(inResult: .object(members))
        default: .unreadable
        }
    }

    private static func failures(inResult item: JSONValue) -> Failures {
        guard item.isObject else { return .unreadable }
        return switch item["found"] {
        case nil, .bool(true): .nothingFailed
        case .bool(false): .somethingFailed
        default: .unreadable
        }
    }

    private static func isMissing(_ item: JSONValue) -> Bool { item["found"] == .bool(false) }

    // MARK: Errors

    /// `{code?, row?, source_id?, reason}`: `code` is the voucher's, not an error's.
    private static func failedItem(_ item: JSONValue) -> ActionError {
        error(itemFailed, item["reason"]?.string, item)
    }

    private static func missingItem(_ item: JSONValue) -> ActionError {
        error("ITEM_NOT_FOUND", nil, item)
    }

    /// `{message, details, key, source_id | code}`.
    private static func error(_ item: JSONValue) -> ActionError {
        let words = [item["message"], item["details"]].compactMap { $0?.string }
        return error(
            item["key"]?.string ?? itemFailed, words.isEmpty ? nil : words.joined(separator: ": "),
            item)
    }

    private static func error(
        _ code: String, _ message: String?, _ item: JSONValue
    ) -> ActionError {
        ActionError(
            code: code, message: message, errorClass: .other,
            target: target(of: item))
    }

    private static func target(of item: JSONValue) -> String? {
        for name in ["code", "source_id"] {
            if let text = item[name]?.string, !text.isEmpty { return text }
        }
        return item["row"]?.integer.map { "row \($0)" }
    }

    private static let itemFailed = "ITEM_FAILED"
}
