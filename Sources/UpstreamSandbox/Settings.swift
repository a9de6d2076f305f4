// The settings of the sandbox, and durations on its command line: 500ms, 10s, 5m, 1h.

import ArgumentParser
import StatusCore

struct Settings: Sendable {
    /// How long a moving action takes until it is done.
    var pending = Duration.seconds(90)
    /// How long a slow answer takes.
    var slow = Duration.seconds(5)
    var ordersTokenLife = Duration.seconds(3599)
    var vouchersTokenLife = Duration.seconds(900)
    /// The vouchers upstream's limit of calls in any 60 s; 0: none.
    var callsPerMinute = 100

    static let clientID = "sandbox-client"
    static let clientSecret = "sandbox-secret"
    static let readyToken = "sandbox-token"
    static let appID = "sandbox-app"
    static let appToken = "sandbox-app-token"
    /// `sandbox-app:sandbox-app-token` in Base64.
    static let appUser = "c2FuZGJveC1hcHA6c2FuZGJveC1hcHAtdG9rZW4="
}

/// Durations on the command line: 500ms, 10s, 5m, 1h.
struct SpanOfTime: ExpressibleByArgument, Equatable, CustomStringConvertible {
    static let secondsMax: Int64 = 366 * 86_400

    var duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init?(argument: String) {
        // "ms" is tried before "s" and "m".
        let units: [(suffix: String, milliseconds: Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
        ]
        guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }),
            let number = UInt32(argument.dropLast(unit.suffix.count))
        else { return nil }
        let milliseconds = Int64(number) * unit.milliseconds
        guard milliseconds <= Self.secondsMax * 1000 else { return nil }
        duration = .milliseconds(milliseconds)
    }

    /// In seconds if it is a whole number of seconds.
    var description: String {
        let milliseconds = duration.nanoseconds / 1_000_000
        return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
    }

    var defaultValueDescription: String { description }
}
