// The sliding windows that one reservation has to pass.

import StatusCore

/// At most `limit` calls of a kind may count at any time; a call counts until `span` after its end.
struct BudgetWindow: Equatable {
    var kind: BudgetKind
    var span: Duration
    var limit: Int
    /// Only calls for ids that no upstream knew count.
    var countsOnlyUnknown: Bool

    /// The windows for a reservation of a known or an unknown id.
    static func all(of limits: BudgetLimits, isKnown: Bool) -> [BudgetWindow] {
        var windows = [minute(limits.perMinute)]
        if let perDay = limits.perDay { windows.append(day(perDay)) }
        guard !isKnown else { return windows }
        return windows + windows.map(\.unknownShare)
    }

    static func minute(_ limit: Int) -> BudgetWindow {
        BudgetWindow(
            kind: .minute, span: BudgetLimits.minuteWindow, limit: limit, countsOnlyUnknown: false)
    }

    static func day(_ limit: Int) -> BudgetWindow {
        BudgetWindow(
            kind: .day, span: BudgetLimits.dayWindow, limit: limit, countsOnlyUnknown: false)
    }

    private var unknownShare: BudgetWindow {
        BudgetWindow(
            kind: kind == .day ? .dayUnknown : .minuteUnknown, span: span,
            limit: BudgetLimits.unknownShare(of: limit), countsOnlyUnknown: true)
    }
}
