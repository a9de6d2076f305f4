// The input of a scene when an id is looked up. Pure: the clocks were read elsewhere.

import StatusCore

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
