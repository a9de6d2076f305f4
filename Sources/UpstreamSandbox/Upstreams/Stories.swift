// When each id was first looked up, and how often since: what makes an action move.

import StatusCore

struct Stories: Sendable {
    /// Ids remembered; one more starts anew at every look-up.
    static let storiesMax = 50_000

    struct Story: Sendable {
        var began: Instant
        var beganWall: WallTime
        var looks: Int
    }

    private var stories: [API: [String: Story]] = [:]

    /// The story of an id that is looked up now.
    mutating func look(
        _ source: API, _ id: String, now: Instant, wall: WallTime
    ) -> Story {
        var story =
            stories[source]?[id] ?? Story(began: now, beganWall: wall, looks: 0)
        story.looks += 1
        if story.looks > 1 || stories[source, default: [:]].count < Self.storiesMax {
            stories[source, default: [:]][id] = story
        }
        return story
    }
}
