// The issued bearer tokens, and their expiry.

import StatusCore

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
