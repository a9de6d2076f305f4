// One id of one upstream and what it plays. The tables of scenes are all there is to know about ids:
// the behaviour, `--help` and `/sandbox/ids` come from them.

import HTTPWire
import StatusCore

/// What an upstream knows about an id.
struct Scene: Sendable {
    var source: API
    var id: String
    /// For people: what is shown.
    var summary: String
    var play: @Sendable (Moment) -> Reaction

    /// A scene that plays the same whenever it is looked up.
    static func steady(
        _ source: API, _ id: String, _ summary: String, _ reaction: Reaction
    ) -> Scene {
        Scene(source: source, id: id, summary: summary) { _ in reaction }
    }
}

/// Ids with a system in them: the last three digits are the HTTP status that is answered (000: the
/// wire itself goes wrong), the ones before count the variants.
enum SceneID {
    static func orders(_ number: Int) -> String {
        "00000000-0000-4000-8000-" + digits(number, 12)
    }

    static func vouchers(_ number: Int) -> String { "aa_" + digits(number, 18) }

    static func of(_ source: API, _ number: Int) -> String {
        source == .orders ? orders(number) : vouchers(number)
    }

    static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
