// Environments from which settings are read, and the result.

import Testing

@testable import StatusProxy

/// Changes to an environment; nil removes a variable.
typealias Changes = [String: String?]

enum Environments {
    /// Both upstreams on, everything else by default.
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

/// Why the start is refused. The test fails if it is not, if the refusal is not one line, or if it
/// contains a secret (every secret of these tests begins with hush).
func refusal(_ changes: Changes) throws -> SettingFailure {
    let failure = try #require(throws: SettingFailure.self) { try settings(changes) }
    #expect(!failure.description.contains("hush"))
    #expect(!failure.description.contains { $0.isNewline })
    return failure
}
