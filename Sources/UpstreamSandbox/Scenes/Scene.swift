// One id of one upstream and its behaviour. The tables of scenes are the only source of ids: the
// behaviour, `--help` and `/sandbox/ids` come from them.

import HTTPWire
import StatusCore

/// An upstream's behaviour for an id.
struct Scene: Sendable {
    var source: API
    var id: String
    /// The behaviour in words.
    var summary: String
    var play: @Sendable (Moment) -> Reaction

    /// A scene with the same reaction to every look-up.
    static func steady(
        _ source: API, _ id: String, _ summary: String, _ reaction: Reaction
    ) -> Scene {
        Scene(source: source, id: id, summary: summary) { _ in reaction }
    }
}

/// Systematic ids: the last three digits are the HTTP status (000: the connection fails), the
/// digits before number the variants.
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

/// One look-up of one id.
struct Moment: Sendable {
    var id: String
    /// When the id was first looked up; its action was created then.
    var created: WallTime
    /// The time since then.
    var elapsed: Duration
    /// 1 for the first look-up.
    var look: Int
    /// How long a moving action takes until it is done.
    var pending: Duration
    /// How long a slow answer takes.
    var slow: Duration

    var isPending: Bool { elapsed < pending }
    var createdText: String { RFC3339.format(created) }
    var nowText: String { RFC3339.format(created + elapsed) }
    /// When a moving action was done.
    var doneText: String { RFC3339.format(created + pending) }
    /// Fixed times of steady ids, so that all look-ups are equal.
    static let steadyCreated = "2026-11-01T10:00:00.120Z"
    static let steadyUpdated = "2026-11-01T10:00:05.731Z"
}
