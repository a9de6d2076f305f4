// What a store keeps, as one value: the rules change it, and a store carries the change out.

import StatusCore

/// The rows that one decision reads and changes.
///
/// The memory store and the simulator keep all they have in one value. The others fill one with the rows
/// that `StoreRules` names, let a decision change it, and write the rows that differ.
struct StoreState: Sendable {
    /// The highest token ever granted.
    var lastToken = FencingToken(0)
    /// When the store was last found to have lost its past; nil: never.
    var noticed: Instant?
    /// Nothing is granted until then, whoever asks.
    var barrier: Instant?
    var sources: [Source: SourceState] = [:]
    var entries = EntryTable()
    /// The states that entries have as their answers. Apart from them: an entry changes with each call,
    /// and a state can be large.
    var documents: [EntryKey: ActionDocument] = [:]
    /// What decisions have added to the journal. Whoever keeps it takes it from here.
    var events: [JournalEvent] = []

    /// What is kept of an action at a source, as callers see it at `now`; its state has to be loaded.
    func record(_ key: EntryKey, at now: StoreMoment) -> EntryRecord? {
        entries[key].map { $0.record(at: now, documents[key]) }
    }

    /// The smallest gap that each source has ever had.
    var smallestGaps: [Source: Duration] { sources.compactMapValues(\.smallestGap) }

    /// True when any upstream has told a state of this id.
    func isKnown(_ id: ActionID) -> Bool {
        entries.entries(of: id).contains(where: \.isKnown)
    }
}

/// What is kept of one upstream as a whole.
struct SourceState: Equatable, Sendable {
    var pausedUntil: Instant?
    /// A process that found the upstream failing leaves it alone until then.
    var breakerUntil: Instant?
    var smallestGap: Duration?
    var calls = CallCounts()
}
