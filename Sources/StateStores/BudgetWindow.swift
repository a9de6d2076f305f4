// The sliding windows that one reservation has to pass.

import StatusCore

/// At most `limit` calls of a kind may count at any time; a call counts until `span` after its end.
struct BudgetWindow: Equatable {
    var kind: BudgetKind
    var span: Duration
    var limit: Int
    /// Which calls count.
    var counted = CallGroup.all

    static func minute(_ limit: Int) -> BudgetWindow {
        BudgetWindow(kind: .minute, span: BudgetLimits.minuteWindow, limit: limit)
    }

    static func day(_ limit: Int) -> BudgetWindow {
        BudgetWindow(kind: .day, span: BudgetLimits.dayWindow, limit: limit)
    }

    /// The windows for a reservation of a known id.
    static func known(_ limits: BudgetLimits) -> [BudgetWindow] {
        [minute(limits.perMinute)] + (limits.perDay.map { [day($0)] } ?? [])
    }

    /// The windows for one that nobody knows.
    static func unknown(
        _ limits: BudgetLimits, wasNotFound: Bool, holder: String?
    ) -> [BudgetWindow] {
        let all = known(limits)
        let unknown = all.map { window in
            BudgetWindow(
                kind: window.kind == .day ? .dayUnknown : .minuteUnknown, span: window.span,
                limit: BudgetLimits.unknownShare(of: window.limit), counted: .unknown)
        }
        let notFound = unknown.map {
            $0.part($0.kind == .dayUnknown ? .dayNotFound : .minuteNotFound, of: .notFound)
        }
        let held = unknown.map { window in
            holder.map {
                window.part(
                    window.kind == .dayUnknown ? .dayHolder : .minuteHolder, of: .holder($0))
            }
        }
        return all + unknown + (wasNotFound ? notFound : []) + held.compactMap { $0 }
    }

    private func part(_ kind: BudgetKind, of group: CallGroup) -> BudgetWindow {
        BudgetWindow(
            kind: kind, span: span, limit: BudgetLimits.shareOfUnknown(limit), counted: group)
    }
}

/// Calls that are counted together.
enum CallGroup: Hashable {
    case all
    /// For ids that no upstream knew.
    case unknown
    /// Of these, those that had read as 404.
    case notFound
    /// Of the unknown ones, those that one key holder has asked for.
    case holder(String)
}
