// `status-proxy audit`: reads the store's journal, and prints proof or violations.

import ArgumentParser
import StateStores
import StatusCore

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Verify spacing and budgets over the journal of upstream calls.",
        discussion: """
            Reads the store that STORE_URL names, beside a running service or without one, and \
            changes nothing. Each call is checked against the interval and the budgets under which \
            it was granted, so that changed settings make no old call a violation. Where the journal \
            is uncertain, the worst case is assumed: a call without a known end reached the upstream \
            at the last possible moment, and time while the machine was down does not count.

            Exit code: 0 when every limit was kept, 1 when one was not, 64 for wrong usage, 66 when \
            there is no journal to read, 78 for an invalid setting.
            """)

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Check every call against the current settings instead.")
    var againstCurrent = false

    func run() throws {
        let report = try Self.report(on: Self.settings(), againstCurrent: againstCurrent)
        print(json ? report.json() : report.text())
        if !report.holds { throw ExitCode(1) }
    }

    private static func settings() throws -> Settings {
        do throws(SettingFailure) {
            return try Settings(environment: Environment.current())
        } catch {
            throw Refusal.exit("status-proxy: \(error)")
        }
    }

    private static func report(
        on settings: Settings, againstCurrent: Bool
    ) throws -> AuditReport {
        guard let journal = journal(of: settings.store) else {
            throw refusal("STORE_URL is memory: only the service itself can read that journal")
        }
        do throws(StoreFailure) {
            return try AuditReport(journal, settings, againstCurrent: againstCurrent)
        } catch {
            throw refusal("the journal cannot be read: \(error.forOperators)")
        }
    }

    private static func journal(of place: Settings.StorePlace) -> (any CallJournal)? {
        switch place {
        case .sqlite(let path): SQLiteJournal(path: path)
        case .postgres(let url): PostgresJournal(url: url)
        case .memory: nil
        }
    }

    private static func refusal(_ line: String) -> any Error {
        Refusal.exit("status-proxy: \(line)", code: 66)  // EX_NOINPUT
    }
}

extension StoreFailure {
    var forOperators: String {
        switch self {
        case .unavailable(let text): text
        case .closed: "the store is closed"
        }
    }
}
