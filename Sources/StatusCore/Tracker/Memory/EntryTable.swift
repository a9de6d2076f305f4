// The entries of one action, by source.

/// An entry for each source. Only entries that differ from a new one use memory, since an action
/// mostly concerns one source.
struct EntryTable: Sendable {
    private var rows: [(source: Source, entry: Entry)] = []
    /// The entry of a source before anything is known.
    private let first: Entry

    init(_ first: Entry) { self.first = first }

    /// In no particular order.
    var all: some Collection<Entry> { rows.lazy.map(\.entry) }

    subscript(source: Source) -> Entry {
        get { index(of: source).map { rows[$0].entry } ?? first }
        _modify {
            if index(of: source) == nil { rows.append((source, first)) }
            let index = index(of: source) ?? rows.count - 1
            yield &rows[index].entry
        }
    }

    mutating func changeAll(_ change: (inout Entry) -> Void) {
        for index in rows.indices { change(&rows[index].entry) }
    }

    private func index(of source: Source) -> Int? { rows.firstIndex { $0.source == source } }
}
