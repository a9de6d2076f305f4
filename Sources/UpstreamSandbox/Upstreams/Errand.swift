// What a call wants of an upstream, told by its path, and how it is served without faults.

import HTTPWire
import StatusCore

/// One of the upstreams' operations.
enum Errand: Equatable {
    case look(Source, id: String)
    /// The vouchers upstream's list.
    case list
    case token(Source)

    init?(_ segments: [String]) {
        let path = segments.first == "api" ? Array(segments.dropFirst()) : segments
        switch path.count {
        case 4 where Array(path[..<3]) == ["v2", "orders", "actions"]:
            self = .look(.orders, id: path[3])
        case 3 where Array(path[..<2]) == ["v1", "async-actions"]:
            self = .look(.vouchers, id: path[2])
        case 2 where path == ["v1", "async-actions"]: self = .list
        case 3 where path == ["v1", "oauth", "token"]: self = .token(.vouchers)
        case 2 where path == ["oauth", "token"]: self = .token(.orders)
        default: return nil
        }
    }

    var source: Source {
        switch self {
        case .look(let source, _), .token(let source): source
        case .list: .vouchers
        }
    }

    var faultPlace: FaultPlace {
        self == .token(.orders) ? .token : FaultPlace(source)
    }

    /// For the audit; a long id is cut.
    var kind: Audit.Kind {
        switch self {
        case .look(_, let id): .look(id: String(id.prefix(Audit.idBytesMax)))
        case .list: .list
        case .token: .token
        }
    }

    /// The honest reply.
    func play(
        _ call: Call, _ wall: WallTime, _ settings: Settings,
        _ began: (now: Instant, wall: WallTime), _ state: inout Sandbox.State
    ) -> Reply {
        switch source {
        case .orders:
            return served(call, wall, settings, began, &state)
        case .vouchers:
            let standing = state.rate.arrive(call.arrived)
            let reply =
                standing.isServed
                ? served(call, wall, settings, began, &state)
                : .answer(
                    VouchersBody.limited(
                        type: "api_calls", retryAfter: "\(standing.wait.secondsRoundedUp)"))
            return RateFields.add(to: reply, standing, limit: settings.callsPerMinute, wall)
        }
    }

    private func served(
        _ call: Call, _ wall: WallTime, _ settings: Settings,
        _ began: (now: Instant, wall: WallTime), _ state: inout Sandbox.State
    ) -> Reply {
        switch self {
        case .token(let source):
            return .answer(TokenDesk.answer(source, call, settings, &state.tokens[source]))
        case .look, .list:
            guard call.method == "GET" || call.method == "HEAD" else {
                return .answer(Scene.plain(source, 405, "Method not allowed"))
            }
            guard TokenDesk.admits(source, call, state.tokens[source]) else {
                return .answer(Scene.unauthorized(source))
            }
        }
        guard case .look(let source, let id) = self else {
            return .answer(
                ActionList.answer(call, wall, settings.pending, began, state.stories))
        }
        guard let scene = Stage.scene(source, id) else {
            return .answer(Scene.notFound(source, id))
        }
        let story = state.stories.look(source, id, now: call.arrived, wall: wall)
        return scene.play(
            Moment(
                id: id, created: story.beganWall, elapsed: call.arrived - story.began,
                look: story.looks, pending: settings.pending, slow: settings.slow))
    }
}
