// Server-Sent Events (WHATWG HTML, section 9.2): states and problems come in, lines go out.

public import HTTPWire
internal import StatusCore

public enum EventStream {
    /// Begins every stream. `X-Accel-Buffering` asks nginx not to hold events back.
    public static let head = Response(
        status: 200,
        fields: [
            Field(name: "Content-Type", value: "text/event-stream"),
            Field(name: "Cache-Control", value: "no-store"),
            Field(name: "X-Accel-Buffering", value: "no"),
            AcceptedCoding.vary,
        ])

    /// 204: nothing more will come, so an `EventSource` does not reconnect.
    public static let over = Response(
        status: 204,
        fields: [Field(name: "Cache-Control", value: "no-store"), AcceptedCoding.vary])

    /// A comment line, which clients ignore.
    public static let comment = Array(":\n\n".utf8)

    /// The start of an event, up to its data, which must not contain line ends.
    private static func begin(_ name: StaticString, _ id: String?) -> [UInt8] {
        let id = id.map { "id: \($0)\n" } ?? ""
        return Array("\(id)event: \(name)\ndata: ".utf8)
    }

    private static let end = Array("\n\n".utf8)

    /// The state of an action, as the plain route would answer it.
    static func status(_ rendered: RenderedAnswer, id: String) -> Content {
        guard rendered.answer.document.isOneLine else {
            return Content(event("status", id: id, data: rendered.content.bytes))
        }
        var event = Content(begin("status", id))
        rendered.append(to: &event)
        event.append(end)
        return event
    }

    /// The current freshness of a state that the client has.
    static func freshness(_ rendered: RenderedAnswer, of action: String, now: Instant) -> Content {
        var json = JSONWriter(reserving: 64)
        json.beginObject()
        json.member("id", action)
        let retryAt = rendered.answer.nextRefreshAt
        json.member("retry_after", retryAt.map { max(1, ($0 - now).secondsRoundedUp) })
        return Content(begin("freshness", nil) + json.bytes + rendered.tail + end)
    }

    /// Why there is no state.
    static func problem(
        _ problem: ProblemDetails, of action: String, id: String?, now: Instant
    ) -> Content {
        var json = JSONWriter(reserving: 512)
        json.beginObject()
        json.member("id", action)
        json.name("problem")
        json.raw(problem.body(now: now))
        json.endObject()
        return Content(begin("problem", id) + json.bytes + end)
    }

    /// JSON has no bare line ends. A line end in the data starts another data line, never a field.
    static func event(_ name: StaticString, id: String?, data: [UInt8]) -> [UInt8] {
        var event = begin(name, id)
        event.reserveCapacity(data.count + 64)
        let isLineEnd = { (byte: UInt8) in byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n")
        }
        var rest = data[...]
        while let end = rest.firstIndex(where: isLineEnd) {
            event += rest[..<end]
            event += Array("\ndata: ".utf8)
            let isPair = rest[end...].starts(with: Array("\r\n".utf8))
            rest = rest[(end + (isPair ? 2 : 1))...]
        }
        return event + rest + end
    }
}
