// The first look-up of each id and the number of look-ups, which determine an action's progress.

import StatusCore

struct Stories: Sendable {
    /// The most ids that are remembered; a further id starts again at every look-up.
    static let storiesMax = 50_000

    struct Story: Sendable {
        var began: Instant
        var beganWall: WallTime
        var looks: Int
    }

    private var stories: [API: [String: Story]] = [:]

    /// Records a look-up of an id, and returns its story.
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
