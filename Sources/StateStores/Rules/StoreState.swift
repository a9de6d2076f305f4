// A store's content as one value: the rules change it, and a store writes the changes.

import StatusCore

/// The rows that one decision reads and changes.
///
/// The memory store and the simulator keep everything in one value. The others fill one with the
/// rows that `StoreRules` names, let a decision change it, and write the rows that differ.
struct StoreState: Sendable {
    /// The highest token ever granted.
    var lastToken = FencingToken(0)
    /// When a loss of continuity was last detected; nil: never.
    var lossDetectedAt: Instant?
    /// Nothing is granted before this time.
    var barrier: Instant?
    var sources: [Source: SourceState] = [:]
    var entries = EntryTable()
    /// The states of the entries' answers. They are separate, since an entry changes with each
    /// call, and a state can be large.
    var documents: [EntryKey: ActionDocument] = [:]
    /// The events that decisions have added to the journal; the store takes them from here.
    var events: [JournalEvent] = []

    /// The record of an action at a source, as callers see it at `now`; its state has to be loaded.
    func record(_ key: EntryKey, at now: StoreMoment) -> EntryRecord? {
        entries[key].map { $0.record(at: now, documents[key]) }
    }

    /// The smallest gap that each source has ever had.
    var smallestGaps: [Source: Duration] { sources.compactMapValues(\.smallestGap) }

    /// True if any upstream has reported a state of this id.
    func isKnown(_ id: ActionID) -> Bool {
        entries.entries(of: id).contains(where: \.isKnown)
    }
}

/// The record of one upstream as a whole.
struct SourceState: Equatable, Sendable {
    var pausedUntil: Instant?
    /// Until when another process's breaker is open.
    var breakerUntil: Instant?
    var smallestGap: Duration?
    var calls = CallCounts()
}

/// Looks up an entry by its key, and all entries of an action.
struct EntryTable: Equatable, Sendable, Sequence {
    private var byID: [ActionID: [Source: StoredEntry]] = [:]

    subscript(key: EntryKey) -> StoredEntry? {
        get { byID[key.id]?[key.source] }
        set {
            byID[key.id, default: [:]][key.source] = newValue
            if newValue == nil, byID[key.id]?.isEmpty == true { byID[key.id] = nil }
        }
    }

    /// The entries of an action, ordered by source name.
    func entries(of id: ActionID) -> [StoredEntry] {
        (byID[id] ?? [:]).values.sorted { $0.key.source < $1.key.source }
    }

    func makeIterator() -> some IteratorProtocol<StoredEntry> {
        byID.values.lazy.flatMap(\.values).makeIterator()
    }
}
