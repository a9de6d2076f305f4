// The entries of many actions, by action and source.

import StatusCore

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
