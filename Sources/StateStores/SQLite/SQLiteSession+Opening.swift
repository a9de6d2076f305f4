// Opens the store's file or makes it anew, and says what is wrong with it.

import StatusCore

extension SQLiteSession {
    /// The open connection if it still belongs to the files at the path, else a new one.
    func connect() throws(SQLiteFailure) -> SQLiteRows {
        if let rows, let files {
            let found = StoreFiles(path)
            if found == files { return rows }
            disconnect(keepsLog: true)
            reportTrouble("the file was replaced")
            // The old file's log would be replayed into the new file.
            if found.main != files.main, found.log == files.log {
                try setAside("orphan", log: true)
            }
        }
        if let failure = backOff.failure(at: clock.sinceBoot()) { throw failure }
        return try open()
    }

    private func open() throws(SQLiteFailure) -> SQLiteRows {
        // The log is checked first: SQLite creates it after the file, and would delete this one.
        if StoreFiles.hasLog(path), FileIdentity(path) == nil { try setAside("orphan", log: true) }
        let opened = try openRepaired()
        try giveEpoch(to: opened)
        let found = StoreFiles(path)
        guard found.isWhole, !opened.database.hasMoved else {
            opened.database.keepLogOnClose()
            throw .replaced("the file was replaced while it was opened")
        }
        rows = opened
        files = found
        return opened
    }

    /// Sets a damaged file aside and starts a new one, in quarantine.
    private func openRepaired() throws(SQLiteFailure) -> SQLiteRows {
        do throws(SQLiteFailure) {
            let opened = try openRows()
            if isSuspect { try checkClosely(opened) }
            isSuspect = false
            return opened
        } catch {
            guard error.isDamage, remembered != nil else { throw error }
            reportTrouble(error.text)
            try setAside("corrupt", log: false)
            isSuspect = false
            return try openRows()
        }
    }

    private func openRows() throws(SQLiteFailure) -> SQLiteRows {
        StoreFiles.make(path)
        let opened = try SQLiteRows(
            path: path, lockWaitMilliseconds: Int32(clamping: lockWait.nanoseconds / 1_000_000))
        // Only once it is known to be a store: other programs' files are left unchanged.
        StoreFiles.narrow(path).forEach(report)
        return opened
    }

    private func checkClosely(_ opened: SQLiteRows) throws(SQLiteFailure) {
        let verdict = try opened.database.text("PRAGMA quick_check(1)") ?? "no verdict"
        guard verdict == "ok" else {
            opened.database.keepLogOnClose()
            throw .damaged(verdict)
        }
    }

    /// Starts a new epoch in a new file, or in one that lost its meta row. Under a running store the
    /// file starts in quarantine, since another process may start before this one has repaired it.
    private func giveEpoch(to opened: SQLiteRows) throws(SQLiteFailure) {
        guard try opened.meta() == nil else { return }
        try opened.database.execute("BEGIN IMMEDIATE")
        do throws(SQLiteFailure) {
            if try opened.meta() == nil {
                var first = StoreMeta.first(sinceBoot: clock.sinceBoot(), bootID: bootID)
                if remembered != nil { first.lossDetectedAt = first.lastTime }
                try opened.keep(first)
            }
            try opened.database.execute("COMMIT")
        } catch {
            if opened.database.isInTransaction { try? opened.database.execute("ROLLBACK") }
            throw error
        }
    }

    // MARK: trouble

    func reportTrouble(_ trouble: String) {
        guard self.trouble != trouble else { return }
        self.trouble = trouble
        report("\(path): \(trouble); no calls until earlier ones can no longer matter")
    }

    func note(_ failure: SQLiteFailure) {
        if failure.isDamage, remembered != nil {
            isSuspect = true
            reportTrouble(failure.text)
        }
        guard !failure.leavesConnectionUsable || rows == nil else { return }
        disconnect(keepsLog: true)
        let now = clock.sinceBoot()
        if backOff.failure(at: now) == nil { backOff.failed(failure, at: now) }
    }

    private func setAside(_ word: String, log: Bool) throws(SQLiteFailure) {
        let target = try StoreFiles.setAside(path, as: word, onlyLog: log)
        report("\(path): moved aside as \(target)")
    }

    func disconnect(keepsLog: Bool) {
        if keepsLog { rows?.database.keepLogOnClose() }
        rows = nil
        files = nil
        dataVersion = nil
        lastWritten = nil
    }
}
