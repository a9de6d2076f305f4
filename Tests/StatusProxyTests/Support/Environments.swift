// Environments that settings are read from, and what becomes of them.

import Testing

@testable import StatusProxy

/// Changes to an environment; nil takes a variable away.
typealias Changes = [String: String?]

enum Environments {
    /// Both upstreams on, all else by default.
    static let whole = [
        "ORDERS_TOKEN": "hush-orders", "VOUCHERS_APP_ID": "app-id",
        "VOUCHERS_APP_TOKEN": "hush-vouchers",
    ]

    static func with(_ changes: Changes) -> [String: String] {
        var environment = whole
        for (name, text) in changes { environment[name] = text }
        return environment
    }
}

/// The settings of the whole environment with some changes.
func settings(_ changes: Changes = [:]) throws -> Settings {
    try Settings(environment: Environments.with(changes))
}

/// Why the start is refused; the test fails when it is not, or when the refusal is not one line, or
/// tells a secret (every secret of these tests begins with hush).
func refusal(_ changes: Changes) throws -> SettingFailure {
    let failure = try #require(throws: SettingFailure.self) { try settings(changes) }
    #expect(!failure.description.contains("hush"))
    #expect(!failure.description.contains { $0.isNewline })
    return failure
}
