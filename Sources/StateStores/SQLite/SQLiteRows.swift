// Fetches rows of a SQLite file for a decision, and writes them after it.

import StatusCore

/// A connection with its statements. Used only on its store's queue.
final class SQLiteRows {
    let database: Database
    private let statements: Statements

    init(path: String, lockWaitMilliseconds: Int32) throws(SQLiteFailure) {
        let opened = try Database(path: path, lockWaitMilliseconds: lockWaitMilliseconds)
        try Schema.prepare(opened)
        statements = try Statements(opened)
        database = opened
    }

    // MARK: fetching

    func load(_ needed: NeededRows, into state: inout StoreState) throws(SQLiteFailure) {
        var documents = needed.documents
        for id in needed.ids {
            for entry in try entries(id) {
                state.entries[entry.key] = entry
                if needed.allDocuments { documents.append(entry.key) }
            }
        }
        for source in try sources(needed.sources) {
            if let kept = try self.source(source) { state.sources[source] = kept }
        }
        for key in documents where state.lacksDocument(key) {
            state.documents[key] = try document(key)
        }
    }

    private func entries(_ id: ActionID) throws(SQLiteFailure) -> [StoredEntry] {
        var entries: [StoredEntry] = []
        try statements.entries.forEach([.text(id.canonical)]) { row in
            if let entry = Self.entry(row) { entries.append(entry) }
            return true
        }
        return entries
    }

    func document(_ key: EntryKey) throws(SQLiteFailure) -> ActionDocument? {
        try statements.document.first(Self.values(of: key)) { Self.document(key.source, $0) }
    }

    private func sources(_ needed: NeededRows.Sources) throws(SQLiteFailure) -> [Source] {
        switch needed {
        case .these(let sources): return sources
        case .all:
            var names: [Source] = []
            try statements.sourceNames.forEach([]) { row in
                if let source = row.text(0).flatMap({ Source($0) }) { names.append(source) }
                return true
            }
            return names
        }
    }

    private func source(_ source: Source) throws(SQLiteFailure) -> SourceState? {
        var isReadable = true
        let kept = try statements.source.first([.text(source.name)]) { row -> SourceState? in
            guard let calls = CallCounts(bytes: row.blob(3) ?? []) else {
                isReadable = false
                return nil
            }
            return SourceState(
                pausedUntil: row.instant(0), breakerUntil: row.instant(1),
                smallestGap: row.integer(2).map { .nanoseconds($0) }, calls: calls)
        }
        guard isReadable else {
            throw .damaged("the counts of \(source.name) are not readable")
        }
        return kept
    }

    func hasCall(_ token: FencingToken) throws(SQLiteFailure) -> Bool {
        try statements.hasCall.first([.integer(token.number)]) { $0.integer(0) } != nil
    }

    func dataVersion() throws(SQLiteFailure) -> Int64? {
        try statements.dataVersion.first { $0.integer(0) }
    }

    /// Calls that were completed after that revision.
    func completed(
        since revision: Int64
    ) throws(SQLiteFailure) -> [(token: FencingToken, id: ActionID)] {
        var completed: [(FencingToken, ActionID)] = []
        try statements.completed.forEach([.integer(revision)]) { row in
            guard let token = row.integer(0), let id = row.text(1).flatMap({ ActionID($0) }) else {
                return true
            }
            completed.append((FencingToken(token), id))
            return true
        }
        return completed
    }

    // MARK: writing

    /// Writes what a decision has changed. `revision` is the transaction's.
    func save(
        _ after: StoreState, over before: StoreState, revision: Int64
    ) throws(SQLiteFailure) {
        for entry in after.entries where before.entries[entry.key] != entry {
            try statements.keepEntry.run(Self.values(of: entry))
        }
        for (key, document) in after.documents where before.documents[key] != document {
            try statements.keepDocument.run(Self.values(of: key) + Self.values(of: document))
        }
        for (source, kept) in after.sources where before.sources[source] != kept {
            try statements.keepSource.run([
                .text(source.name), .optional(kept.pausedUntil?.nanoseconds),
                .optional(kept.breakerUntil?.nanoseconds),
                .optional(kept.smallestGap?.nanoseconds), .blob(kept.calls.bytes),
            ])
        }
        for event in after.events { try add(event, revision) }
    }

    private func add(_ event: JournalEvent, _ revision: Int64) throws(SQLiteFailure) {
        switch event {
        case .granted(let call): try statements.addCall.run(Self.values(of: call))
        case .completed(let call):
            try statements.addCompletion.run([
                .integer(call.token.number), .integer(revision), .text(call.key.id.canonical),
                .integer(call.state.rawValue), .optional(call.ended?.nanoseconds),
                .optional(call.sent?.nanoseconds), .text(call.outcome),
            ])
        }
    }

    /// Replaces an entry by what remains of it.
    func keep(_ left: StoredEntry?, of key: EntryKey) throws(SQLiteFailure) {
        if let left {
            try statements.keepEntry.run(Self.values(of: left))
        } else {
            try statements.dropEntry.run(Self.values(of: key))
        }
        if left?.answer == nil { try statements.dropDocument.run(Self.values(of: key)) }
    }

    // MARK: meta

    func meta() throws(SQLiteFailure) -> StoreMeta? {
        try statements.meta.first { row in
            guard let epoch = row.integer(0), let revision = row.integer(1),
                let token = row.integer(2), let offset = row.integer(4),
                let lastTime = row.instant(5)
            else { return nil }
            return StoreMeta(
                epoch: epoch, revision: revision, token: FencingToken(token), bootID: row.text(3),
                clockOffset: .nanoseconds(offset), lastTime: lastTime,
                lossDetectedAt: row.instant(6))
        }
    }

    func keep(_ meta: StoreMeta) throws(SQLiteFailure) {
        try statements.keepMeta.run([
            .integer(meta.epoch), .integer(meta.revision), .integer(meta.token.number),
            .optional(meta.bootID), .integer(meta.clockOffset.nanoseconds),
            .integer(meta.lastTime.nanoseconds), .optional(meta.lossDetectedAt?.nanoseconds),
        ])
    }
}
