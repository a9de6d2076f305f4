// Credentials: authenticates calls, and issues tokens.

import HTTPWire
import StatusCore

enum TokenDesk {
    static func admits(_ source: API, _ call: Call, _ tokens: TokenBook) -> Bool {
        if let token = call.bearerToken, tokens.isGood(token, now: call.arrived) { return true }
        return switch source {
        case .orders, .conversations: call.bearerToken == Settings.readyToken
        case .vouchers: hasAppToken(call)
        case .jobs:
            call.bearerToken == Settings.readyToken
                || call.field("x-api-key") == Settings.readyToken
        }
    }

    private static func hasAppToken(_ call: Call) -> Bool {
        call.field("x-app-id") == Settings.appID && call.field("x-app-token") == Settings.appToken
    }

    /// RFC 6749 4.4: client credentials in a form.
    static func answer(
        _ source: API, _ call: Call, _ settings: Settings, _ tokens: inout TokenBook
    ) -> Response {
        guard call.method == "POST" else {
            return Scene.plain(source, 405, "Method not allowed")
        }
        let form = FormCoding.pairs(String(decoding: call.body, as: UTF8.self))
        guard isClient(source, call, form) else {
            return .json(
                401,
                #"{"error":"invalid_client","error_description":"Client authentication failed"}"#)
        }
        guard form.contains(where: { $0 == ("grant_type", "client_credentials") }) else {
            return .json(400, #"{"error":"unsupported_grant_type"}"#)
        }
        let life = source.isMirakl ? settings.ordersTokenLife : settings.vouchersTokenLife
        let token = tokens.handOut(now: call.arrived, life: life)
        return .json(
            200,
            #"{"token_type":"Bearer","access_token":"\#(token)","#
                + #""expires_in":\#(life.secondsRoundedUp)}"#,
            [Field(name: "Cache-Control", value: "no-store")])
    }

    private static func isClient(
        _ source: API, _ call: Call, _ form: [(name: String, value: String)]
    ) -> Bool {
        switch source {
        case .orders, .conversations, .jobs:
            form.contains { $0 == ("client_id", Settings.clientID) }
                && form.contains { $0 == ("client_secret", Settings.clientSecret) }
        case .vouchers: hasAppToken(call) || call.basicUser == Settings.appUser
        }
    }
}

/// The issued bearer tokens, and their expiry.
struct TokenBook: Sendable {
    /// The vouchers upstream's limit for a project; beyond it the oldest is dropped.
    static let tokensMax = 1000

    private var tokens: [(text: String, goodUntil: Instant)] = []

    /// A new token.
    mutating func handOut(now: Instant, life: Duration) -> String {
        let text = "sbx_" + Self.random() + Self.random()
        if tokens.count == Self.tokensMax { tokens.removeFirst() }
        tokens.append((text, now + life))
        return text
    }

    func isGood(_ text: String, now: Instant) -> Bool {
        tokens.contains { $0.text == text && now < $0.goodUntil }
    }

    private static func random() -> String {
        String(UInt64.random(in: (1 << 60)...(.max)), radix: 16)
    }
}
