// `GET /v1/async-actions`: up to a hundred actions in one answer, newest first, without results.

import HTTPWire
import StatusCore

enum ActionList {
    static let limitDefault = 10
    static let limitMax = 100

    /// Shows the documented actions, and those of the family that were looked up before.
    static func answer(
        _ call: Call, _ wall: WallTime, _ pending: Duration,
        _ began: (now: Instant, wall: WallTime), _ stories: Stories
    ) -> Response {
        let limitText = call.parameter("limit")
        let limit = limitText.map { Int($0) ?? 0 } ?? limitDefault
        guard (1...limitMax).contains(limit) else {
            return badRequest("limit must be a number from 1 to \(limitMax)")
        }
        let endText = call.parameter("end_date")
        let end = endText.flatMap(RFC3339.parse)
        guard endText == nil || end != nil else {
            return badRequest("end_date must be a date-time")
        }
        let items = items(call.arrived, pending, began, stories)
            .filter { item in end.map { item.created <= $0 } ?? true }
            .sorted { ($0.created, $0.id) > ($1.created, $1.id) }
        return .json(200, body(items.prefix(limit).map(\.json), hasMore: items.count > limit))
    }

    private struct Item {
        var id: String
        var created: WallTime
        var json: [UInt8]
    }

    private static func items(
        _ now: Instant, _ pending: Duration, _ began: (now: Instant, wall: WallTime),
        _ stories: Stories
    ) -> [Item] {
        let documented = Stage.scenes.filter { $0.source == .vouchers && $0.isListed }.map(\.id)
        let family = stories.ids(.vouchers).filter { SceneFamily.scene(.vouchers, $0) != nil }
        return (documented + family).compactMap { id in
            let story = stories.story(.vouchers, id)
            let moment = Moment(
                id: id, created: story?.beganWall ?? began.wall,
                elapsed: story.map { now - $0.began } ?? .zero, look: story?.looks ?? 0,
                pending: pending, slow: .zero)
            return item(moment)
        }
    }

    /// What the action's own look-up would tell, but for `result`.
    private static func item(_ moment: Moment) -> Item? {
        guard let scene = Stage.scene(.vouchers, moment.id),
            case .answer(let response) = scene.play(moment).deed,
            case .object(let members)? = try? JSONReader.read(response.body)
        else { return nil }
        var json = JSONWriter()
        json.value(.object(members.filter { $0.name != "result" }))
        let created = members.first { $0.name == "created_at" }?.value.string
        return Item(
            id: moment.id, created: created.flatMap(RFC3339.parse) ?? moment.created,
            json: json.bytes)
    }

    private static func body(_ items: [[UInt8]], hasMore: Bool) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("object", "list")
        json.member("data_ref", "async_actions")
        json.name("async_actions")
        json.beginArray()
        for item in items { json.raw(item) }
        json.endArray()
        json.member("has_more", hasMore)
        json.endObject()
        return json.bytes
    }

    private static func badRequest(_ details: String) -> Response {
        .json(
            400,
            VouchersBody.error(
                400, key: "invalid_query_params", message: "Invalid query params",
                details: details))
    }
}
