// `status-proxy check`: prints the effective settings and their origin, and tries the connections
// that they name.

import ArgumentParser
import StatusCore
import UpstreamCurl

struct CheckReport {
    let settings: Settings
    private let effective: [EffectiveSetting]
    /// Nil without --connect.
    var checks: [ConnectionCheck]?

    /// - Throws: for an invalid setting, and for a place where no store can be kept.
    init(environment: [String: String]) throws(SettingFailure) {
        let settings = try Settings(environment: environment)
        let raw = try RawSettings(environment: environment)
        effective = raw.all.compactMap { setting in
            guard var found = raw.effective(setting) else { return nil }
            // The URL can contain a password; STATE_DIRECTORY can move the default file.
            guard setting.name == SettingName.storeURL.name else { return found }
            found.value = settings.store.text
            if settings.storeSetting != setting.name { found.origin = settings.storeSetting }
            return found
        }
        try settings.checkStore()
        self.settings = settings
    }

    var holds: Bool { checks?.allSatisfy(\.isGood) ?? true }

    // MARK: Text

    /// The settings, one a line; then the sources, the warnings and the checks.
    var lines: [String] {
        let remarks =
            SourceTable.lines(settings) + settings.warnings.map { "warning: \($0)" }
            + (checks ?? []).map(\.line)
            + [holds ? "valid" : "valid, but not everything can be reached"]
        return effective.map(Self.line) + remarks.map { "# \($0)" }
    }

    private static func line(_ setting: EffectiveSetting) -> String {
        let text = "\(setting.name)=\(setting.value ?? "[secret]")"
        let gap = String(repeating: " ", count: max(2, originColumn - text.count))
        return "\(text)\(gap)# \(setting.origin)" + (setting.file.map { "=\($0)" } ?? "")
    }

    private static let originColumn = 46

    // MARK: JSON

    func json() -> String {
        var json = JSONWriter()
        json.beginObject()
        json.member("holds", holds)
        Self.write("settings", effective, to: &json) { setting, json in
            json.member("name", setting.name)
            json.member("value", setting.value)
            json.member("secret", setting.value == nil)
            json.member("origin", setting.origin)
            json.member("file", setting.file)
        }
        Self.write("sources", settings.configured, to: &json) { source, json in
            json.member("name", source.name)
            json.member("kind", settings.sources[source]?.kind)
            json.member("url", settings.sources[source]?.endpoint.baseURL.text)
            json.member("credentials", settings.sources[source]?.endpoint.credentials.words)
        }
        json.name("warnings")
        json.beginArray()
        for warning in settings.warnings { json.string(warning) }
        json.endArray()
        if let checks {
            Self.write("checks", checks, to: &json) { check, json in check.write(to: &json) }
        }
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self).escapedForTerminals
    }

    private static func write<Item>(
        _ name: String, _ items: [Item], to json: inout JSONWriter,
        members: (Item, inout JSONWriter) -> Void
    ) {
        json.name(name)
        json.beginArray()
        for item in items {
            json.beginObject()
            members(item, &json)
            json.endObject()
        }
        json.endArray()
    }
}

/// `status-proxy check`: prints the effective settings and their origin, and tries the connections
/// that they name.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Validate the settings and print the effective ones, secrets hidden.",
        discussion: """
            Prints where each value comes from. Exit code: 0, 1 when something cannot be reached, \
            64 for wrong usage, 78 for an invalid setting.
            """)

    @Flag(
        help: """
            Also open the store, connect to each source and fetch its token. Changes nothing in the \
            store and makes no action call.
            """)
    var connect = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        var report: CheckReport
        do {
            report = try CheckReport(environment: Environment.current())
            if connect { report.checks = try ConnectionCheck.all(of: report.settings) }
        } catch {
            throw Refusal.exit("status-proxy: \(error)")
        }
        if json {
            print(report.json())
        } else {
            for line in report.lines { print(line.onOneLine) }
        }
        if !report.holds { throw ExitCode(1) }
    }
}
