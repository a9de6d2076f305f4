// What a vouchers `result` tells of its items, whichever of its documented shapes it has.

/// The counts and the failed items of a `result`.
struct VoucherTally {
    /// `done_count` and `failed_count`; nil when neither is told.
    let counts: Action.Counts?
    /// `failed[]`, then `errors[]`; at most ``Action/errorsMax``.
    let errors: [ActionError]
    /// Something failed: `failed_count` > 0, or an item in `failed` or in `errors`.
    let hasFailures: Bool

    init(_ result: JSONValue?) {
        let done = result?["done_count"]?.count
        let failed = result?["failed_count"]?.count
        counts =
            done == nil && failed == nil ? nil : Action.Counts(succeeded: done, failed: failed)
        hasFailures =
            (failed ?? 0) > 0 || Self.isNonEmpty(result?["failed"])
            || Self.isNonEmpty(result?["errors"])
        let items = result?.items("failed").prefix(Action.errorsMax).map(Self.failedItem) ?? []
        let room = Action.errorsMax - items.count
        errors = items + (result?.items("errors").prefix(room).map(Self.error) ?? [])
    }

    /// Something done: `done_count` > 0, or not told while the operation is said to be a success.
    func hasSuccesses(isSuccess: Bool) -> Bool {
        counts?.succeeded.map { $0 > 0 } ?? isSuccess
    }

    private static func isNonEmpty(_ value: JSONValue?) -> Bool {
        switch value {
        case .array(let items): !items.isEmpty
        case .object(let members): !members.isEmpty
        default: false
        }
    }

    /// `{code?, row?, source_id?, reason}`: `code` is the voucher's, not an error's.
    private static func failedItem(_ item: JSONValue) -> ActionError {
        ActionError(
            code: itemFailed, message: item["reason"]?.string,
            errorClass: ErrorClass(code: itemFailed), target: target(of: item))
    }

    /// `{message, details, key, source_id | code}`.
    private static func error(_ item: JSONValue) -> ActionError {
        let code = item["key"]?.string ?? itemFailed
        let words = [item["message"], item["details"]].compactMap { $0?.string }
        return ActionError(
            code: code, message: words.isEmpty ? nil : words.joined(separator: ": "),
            errorClass: ErrorClass(code: code), target: target(of: item))
    }

    private static func target(of item: JSONValue) -> String? {
        for name in ["code", "source_id"] {
            if let text = item[name]?.string, !text.isEmpty { return text }
        }
        return item["row"]?.integer.map { "row \($0)" }
    }

    private static let itemFailed = "ITEM_FAILED"
}
