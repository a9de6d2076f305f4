// The answer to `GET /actions?id=…`: every id's answer or problem, in the order asked.

public import HTTPWire
public import StatusCore

/// What became of one id of a batch.
public struct BatchItem: Sendable {
    /// As it was given.
    public var id: String
    public var result: Result<Answer, ProblemDetails>

    public init(id: String, result: Result<Answer, ProblemDetails>) {
        self.id = id
        self.result = result
    }
}

public enum BatchWriter {
    /// Of all actions together: a small request must not make a huge answer.
    public static let actionBytesMax = 32 << 20

    public static func response(_ items: [BatchItem], clocks: Clocks) -> Response {
        let items = withinBound(items)
        var json = JSONWriter(reserving: items.count * 512)
        json.beginObject()
        json.name("actions")
        json.beginArray()
        for item in items {
            if case .success(let answer) = item.result {
                json.raw(RenderedAnswer(answer, clocks: clocks).body)
            }
        }
        json.endArray()
        json.name("failures")
        json.beginArray()
        for item in items {
            if case .failure(let problem) = item.result {
                write(item.id, problem, clocks, into: &json)
            }
        }
        json.endArray()
        json.endObject()
        let fields = [
            Field(name: "Content-Type", value: "application/json"),
            Field(name: "Cache-Control", value: "no-store"),
        ]
        return Response(status: 200, fields: fields, body: json.bytes)
    }

    /// What comes past the bound fails.
    private static func withinBound(_ items: [BatchItem]) -> [BatchItem] {
        var room = actionBytesMax
        return items.map { item in
            guard case .success(let answer) = item.result else { return item }
            room -= answer.document.bytes.count
            return room >= 0 ? item : BatchItem(id: item.id, result: .failure(tooLarge))
        }
    }

    private static let tooLarge = ProblemDetails(
        .overloaded, "The answers are too large together. Ask for fewer at once, or for this alone."
    )

    private static func write(
        _ id: String, _ problem: ProblemDetails, _ clocks: Clocks, into json: inout JSONWriter
    ) {
        json.beginObject()
        json.member("id", id)
        json.name("problem")
        json.raw(problem.body(now: clocks.instant))
        json.endObject()
    }
}
