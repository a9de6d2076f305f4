// The sliding windows that a reservation has to pass.

import StatusCore

/// At most `limit` calls of a class may count at any time; a call counts until a fixed time after
/// its end.
struct BudgetWindow: Equatable {
    var kind: BudgetKind
    var span: BudgetSpan
    var limit: Int
    /// The class of calls that count.
    var counted = CallClass.all

    static func minute(_ limit: Int) -> BudgetWindow {
        BudgetWindow(kind: .minute, span: .minute, limit: limit)
    }

    static func day(_ limit: Int) -> BudgetWindow {
        BudgetWindow(kind: .day, span: .day, limit: limit)
    }

    /// The windows for a call that counts in these classes.
    static func all(_ limits: BudgetLimits, _ classes: CallClasses) -> [BudgetWindow] {
        let whole = [minute(limits.perMinute)] + (limits.perDay.map { [day($0)] } ?? [])
        guard classes.isUnknown else { return whole }
        let unknown = whole.map {
            $0.part(
                $0.span == .day ? .dayUnknown : .minuteUnknown, of: .unknown,
                BudgetLimits.unknownShare(of: $0.limit))
        }
        func parts(
            _ minute: BudgetKind, _ day: BudgetKind, of counted: CallClass
        ) -> [BudgetWindow] {
            unknown.map {
                $0.part(
                    $0.span == .day ? day : minute, of: counted,
                    BudgetLimits.shareOfUnknown($0.limit))
            }
        }
        return whole + unknown
            + (classes.wasNotFound ? parts(.minuteNotFound, .dayNotFound, of: .notFound) : [])
            + (classes.holder.map { parts(.minuteHolder, .dayHolder, of: .holder($0)) } ?? [])
    }

    private func part(
        _ kind: BudgetKind, of counted: CallClass, _ limit: Int
    ) -> BudgetWindow {
        BudgetWindow(kind: kind, span: span, limit: limit, counted: counted)
    }
}

/// How long a call counts after its end, and the resolution of ends.
enum BudgetSpan: CaseIterable, Sendable {
    case minute
    case day

    var length: Duration {
        switch self {
        case .minute: BudgetLimits.minuteWindow
        case .day: BudgetLimits.dayWindow
        }
    }

    /// Calls that end within one bucket count as if all had ended with the last of them.
    var bucket: Duration {
        switch self {
        case .minute: .seconds(1)
        case .day: .seconds(900)
        }
    }
}

/// Calls that are counted together.
enum CallClass: Hashable, Sendable {
    case all
    /// Calls for ids that no upstream knew.
    case unknown
    /// Of these, calls for ids that had got 404.
    case notFound
    /// Of the calls for unknown ids, those of one caller.
    case holder(String)
}

/// The properties that determine the classes of a call.
struct CallClasses: Equatable, Sendable {
    /// No upstream had reported the action's state when the call was granted.
    var isUnknown = false
    /// Such an id had got 404 before.
    var wasNotFound = false
    /// The caller that asked for such an id.
    var holder: String?

    var all: [CallClass] {
        var classes = [CallClass.all]
        if isUnknown { classes.append(.unknown) }
        if wasNotFound { classes.append(.notFound) }
        if let holder { classes.append(.holder(holder)) }
        return classes
    }
}
