// An upstream's operations, recognised by the path, and their reactions without faults.

import HTTPWire
import StatusCore

/// One of the upstreams' operations.
enum UpstreamOperation: Equatable {
    case look(API, id: String)
    case token(API)

    init?(_ segments: [String]) {
        let path = segments.first == "api" ? Array(segments.dropFirst()) : segments
        switch path.count {
        case 4 where Array(path[..<3]) == ["v2", "orders", "actions"]:
            self = .look(.orders, id: path[3])
        case 3 where Array(path[..<2]) == ["v1", "async-actions"]:
            self = .look(.vouchers, id: path[2])
        case 3 where Array(path[..<2]) == ["conversations", "actions"]:
            self = .look(.conversations, id: path[2])
        case 3 where Array(path[..<2]) == ["v1", "jobs"]: self = .look(.jobs, id: path[2])
        case 3 where path == ["v2", "oauth", "token"]: self = .token(.vouchers)
        case 3 where path == ["v1", "oauth", "token"]: self = .token(.vouchers)
        case 2 where path == ["oauth", "token"]: self = .token(.orders)
        default: return nil
        }
    }

    var source: API {
        switch self {
        case .look(let source, _), .token(let source): source
        }
    }

    var faultPlace: FaultPlace {
        self == .token(.orders) ? .token : FaultPlace(source)
    }

    /// For the audit; a long id is cut.
    var kind: Audit.Kind {
        switch self {
        case .look(_, let id): .look(id: String(id.prefix(Audit.idBytesMax)))
        case .token: .token
        }
    }

    /// The reaction without faults.
    func play(
        _ call: Call, _ wall: WallTime, _ settings: Settings, _ state: inout Sandbox.State
    ) -> Reaction {
        switch source {
        case .orders, .conversations, .jobs:
            return served(call, wall, settings, &state)
        case .vouchers:
            let standing = state.rate.arrive(call.arrived)
            let reaction =
                standing.isServed
                ? served(call, wall, settings, &state)
                : .answer(
                    VouchersBody.limited(
                        type: "api_calls", retryAfter: "\(standing.wait.secondsRoundedUp)"))
            return RateFields.add(to: reaction, standing, limit: settings.callsPerMinute, wall)
        }
    }

    private func served(
        _ call: Call, _ wall: WallTime, _ settings: Settings, _ state: inout Sandbox.State
    ) -> Reaction {
        switch self {
        case .token(let source):
            return .answer(
                TokenDesk.answer(
                    source, call, settings, &state.tokens[source, default: TokenBook()]))
        case .look(let source, let id):
            return look(source, id, call, wall, settings, &state)
        }
    }

    private func look(
        _ source: API, _ id: String, _ call: Call, _ wall: WallTime, _ settings: Settings,
        _ state: inout Sandbox.State
    ) -> Reaction {
        guard call.method == "GET" || call.method == "HEAD" else {
            return .answer(Scene.plain(source, 405, "Method not allowed"))
        }
        guard TokenDesk.admits(source, call, state.tokens[source] ?? TokenBook()) else {
            return .answer(Scene.unauthorized(source))
        }
        guard let scene = Stage.scene(source, id, account: state.account) else {
            return .answer(Scene.notFound(source, id))
        }
        let story = state.stories.look(source, id, now: call.arrived, wall: wall)
        return scene.play(
            Moment(
                id: id, created: story.beganWall, elapsed: call.arrived - story.began,
                look: story.looks, pending: settings.pending, slow: settings.slow))
    }
}

/// The first look-up of each id and the number of look-ups, which determine an action's progress.
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
