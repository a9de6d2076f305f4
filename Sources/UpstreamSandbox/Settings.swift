// The settings of the sandbox.

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
