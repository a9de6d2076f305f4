// Ids without number, for load: each of a family moves on its own from its first look-up on.

import HTTPWire
import StatusCore

enum SceneFamily {
    /// `…-9000-…` with twelve hexadecimal digits.
    static let ordersPrefix = "00000000-0000-4000-9000-"
    /// `aa_face` with fourteen hexadecimal digits.
    static let vouchersPrefix = "aa_face"
    /// `aa_fade` with fourteen hexadecimal digits.
    static let waitingVouchersPrefix = "aa_fade"

    /// `aa_feed` with fourteen hexadecimal digits.
    static let largeVouchersPrefix = "aa_feed"

    static let summaries: [(source: Source, form: String, summary: String)] = [
        (.orders, ordersPrefix + "XXXXXXXXXXXX", "any hexadecimal XXXXXXXXXXXX: like 1ba5fc4b…"),
        (.vouchers, vouchersPrefix + "XXXXXXXXXXXXXX", "any hexadecimal X…: like aa_0ada…"),
        (
            .vouchers, waitingVouchersPrefix + "XXXXXXXXXXXXXX",
            "any hexadecimal X…: ENQUEUED without a change until it is DONE"
        ),
        (
            .vouchers, largeVouchersPrefix + "XXXXXXXXXXXXXX",
            "any hexadecimal X…: DONE, with a result of 7 MiB"
        ),
    ]

    static func scene(_ source: Source, _ id: String) -> Scene? {
        switch source {
        case .orders:
            guard isMember(id, ordersPrefix, digits: 12) else { return nil }
            return Scene(source: .orders, id: id, summary: "moving") {
                .answer(.json(200, OrdersBody.moving($0)))
            }
        case .vouchers:
            if isMember(id, waitingVouchersPrefix, digits: 14) {
                return Scene(source: .vouchers, id: id, summary: "waiting") {
                    .answer(.json(200, VouchersBody.waiting($0)))
                }
            }
            if isMember(id, largeVouchersPrefix, digits: 14) {
                return Scene(source: .vouchers, id: id, summary: "large") {
                    .answer(.json(200, VouchersBody.large($0.id)))
                }
            }
            guard isMember(id, vouchersPrefix, digits: 14) else { return nil }
            return Scene(source: .vouchers, id: id, summary: "moving") {
                .answer(.json(200, VouchersBody.moving($0)))
            }
        }
    }

    private static func isMember(_ id: String, _ prefix: String, digits: Int) -> Bool {
        let rest = id.utf8.dropFirst(prefix.utf8.count)
        return id.hasPrefix(prefix) && rest.count == digits
            && rest.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
