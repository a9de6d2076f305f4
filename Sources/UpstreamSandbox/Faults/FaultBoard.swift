// Which fault is on where.

import StatusCore

/// What a fault can be set for.
enum FaultPlace: String, CaseIterable, Sendable {
    case orders
    case vouchers
    /// The orders upstream's `POST /oauth/token`.
    case token

    init(_ source: Source) { self = source == .orders ? .orders : .vouchers }
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

    /// The reply to one more call, once the fault there has had its way.
    mutating func apply(
        at place: FaultPlace, to reply: Reply, isReused: Bool
    ) -> Reply {
        guard let entry = entries[place] else { return reply }
        entries[place]?.calls += 1
        return entry.fault.apply(
            to: reply, source: place == .vouchers ? .vouchers : .orders, call: entry.calls,
            isReused: isReused)
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
