// `status-proxy audit`: the store's journal comes in, proof or violations go out.

import ArgumentParser
import StateStores
import StatusCore

struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Verify spacing and budgets over the journal of upstream calls.",
        discussion: """
            Reads the store that STORE_URL names, beside a running service or without one, and \
            changes nothing. Each call is held to the interval and the budgets that it was granted \
            under, so that changed settings make no old call a violation. What is not known for \
            sure is taken at its worst: a call without a known end is taken to have reached the \
            upstream as late as it can have, and time while the machine was down counts as none.

            Exits with 0 when every limit was kept, 1 when one was not, 64 on wrong usage, 66 when \
            there is no journal to read, 78 on a bad setting.
            """)

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Hold every call to today's settings instead.")
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
            throw refusal("STORE_URL is memory: nobody else can read that journal")
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
