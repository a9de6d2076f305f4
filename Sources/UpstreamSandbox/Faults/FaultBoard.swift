// The faults that are on, by place.

import StatusCore

/// The places of faults.
enum FaultPlace: String, CaseIterable, Sendable {
    case orders
    case vouchers
    case conversations
    case jobs
    /// The orders upstream's `POST /oauth/token`.
    case token

    init(_ source: API) {
        self =
            switch source {
            case .orders: .orders
            case .vouchers: .vouchers
            case .conversations: .conversations
            case .jobs: .jobs
            }
    }

    fileprivate var source: API {
        switch self {
        case .orders, .token: .orders
        case .vouchers: .vouchers
        case .conversations: .conversations
        case .jobs: .jobs
        }
    }
}

struct FaultBoard: Sendable {
    private struct Entry {
        var fault = Fault.none
        var calls = 0
    }

    private var entries: [FaultPlace: Entry] = [:]

    mutating func set(_ fault: Fault, at place: FaultPlace) {
        entries[place] = Entry(fault: fault)
    }

    func fault(at place: FaultPlace) -> Fault { entries[place]?.fault ?? .none }

    /// The reaction to a further call, under the fault of its place.
    mutating func apply(
        at place: FaultPlace, to reaction: Reaction, isReused: Bool
    ) -> Reaction {
        guard let entry = entries[place] else { return reaction }
        entries[place]?.calls += 1
        return entry.fault.apply(
            to: reaction, source: place.source, call: entry.calls, isReused: isReused)
    }

    func write(to json: inout JSONWriter) {
        json.beginObject()
        for place in FaultPlace.allCases {
            json.name(place.rawValue)
            fault(at: place).write(to: &json)
        }
        json.endObject()
    }
}
