// The rows that a decision reads, for stores that have to fetch them.

import StatusCore

/// The entries of some ids at all sources, the rows of some sources, and some documents.
struct NeededRows {
    var ids: [ActionID] = []
    var sources = Sources.these([])
    var documents: [EntryKey] = []
    /// The documents of all entries found.
    var allDocuments = false

    enum Sources {
        case these([Source])
        case all
    }
}

extension StoreOperation.Request {
    /// The calls that it may be granted.
    var reservations: [Reservation] {
        switch self {
        case .lookUp(_, let requests, _): requests
        case .reserve(let request, _): [request]
        case .changes, .complete, .register, .purge: []
        }
    }
}

extension Reservation {
    var needed: NeededRows { NeededRows(ids: [key.id], sources: .these([key.source])) }
}

extension Completion {
    var needed: NeededRows { NeededRows(ids: [key.id], sources: .these([key.source])) }
}

extension StoreState {
    /// Whether the entry has an answer whose document was not fetched.
    func lacksDocument(_ key: EntryKey) -> Bool {
        entries[key]?.answer != nil && documents[key] == nil
    }
}

extension ReservationReply {
    var isGateShut: Bool { if case .gateShut = verdict { true } else { false } }
}
