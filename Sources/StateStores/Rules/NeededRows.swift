// Which rows a decision reads, for stores that have to fetch them.

import StatusCore

/// The entries of some ids at all sources, what is kept of some sources, and some documents.
struct NeededRows {
    var ids: [ActionID] = []
    var sources = Sources.these([])
    var documents: [EntryKey] = []

    enum Sources {
        case these([Source])
        case all
    }
}

extension Reservation {
    var needed: NeededRows { NeededRows(ids: [key.id], sources: .these([key.source])) }
}

extension Completion {
    var needed: NeededRows { NeededRows(ids: [key.id], sources: .these([key.source])) }
}

extension StoreState {
    /// The entry has an answer whose document was not fetched.
    func lacksDocument(_ key: EntryKey) -> Bool {
        entries[key]?.answer != nil && documents[key] == nil
    }
}

extension ReservationReply {
    var isGateShut: Bool { if case .gateShut = verdict { true } else { false } }
}
