// The answer to `GET /actions?id=…`: every id's answer or problem, in the order asked.

public import HTTPWire
internal import StatusCore

/// What became of one id of a batch.
public struct BatchItem: Sendable {
    /// As it was given.
    public var id: String
    public var result: Result<RenderedAnswer, ProblemDetails>

    public init(id: String, result: Result<RenderedAnswer, ProblemDetails>) {
        self.id = id
        self.result = result
    }

    /// It is answered with an action that has ended.
    var isDone: Bool {
        guard case .success(let rendered) = result else { return false }
        return rendered.answer.document.isDone
    }

    /// Whole seconds until asking again is of use; nil when it is of none.
    func retryAfter(_ now: Instant) -> Int? {
        switch result {
        case .success(let rendered):
            rendered.answer.nextLookAt.map { max(1, ($0 - now).secondsRoundedUp) }
        case .failure(let problem): problem.retryAfter(now)
        }
    }
}

extension EntityTag {
    /// Of a batch: over the states, and over what failed and how.
    public init(_ items: [BatchItem]) {
        var bytes: [UInt8] = []
        for item in items {
            switch item.result {
            case .success(let rendered):
                bytes.append(UInt8(ascii: "="))
                bytes += rendered.tag.opaque.utf8
            case .failure(let problem):
                bytes.append(UInt8(ascii: "!"))
                bytes += problem.code.rawValue.utf8
            }
        }
        value = FNV1a.hash(bytes)
    }
}

public enum BatchWriter {
    /// Of all actions together: a small request must not make a huge answer.
    public static let actionBytesMax = 32 << 20

    /// 200 with the actions and failures, 304 when the caller has all these states, or 412.
    public static func response(
        _ items: [BatchItem], _ preconditions: Preconditions, clocks: Clocks,
        for caches: CacheScope
    ) -> Response {
        let items = withinBound(items)
        let tag = EntityTag(items)
        var fields = [
            Field(name: "ETag", value: tag.text),
            // Kept for asking whether it is still the same (RFC 9111 5.2.2.4).
            Field(
                name: "Cache-Control", value: caches == .shared ? "no-cache" : "private, no-cache"),
            Field(name: "Content-Type", value: "application/json"),
        ]
        if let seconds = items.compactMap({ $0.retryAfter(clocks.instant) }).min() {
            fields.append(Field(name: "Retry-After", value: String(seconds)))
        }
        let isSent = preconditions.verdict(tag) == .serve
        let response = Response(
            status: 200, fields: fields, body: isSent ? body(items, clocks) : [])
        return preconditions.applied(to: response, tag: tag, now: clocks.instant)
    }

    private static func body(_ items: [BatchItem], _ clocks: Clocks) -> [UInt8] {
        var json = JSONWriter(reserving: items.count * 512)
        json.beginObject()
        json.member("done", items.allSatisfy(\.isDone))
        json.name("actions")
        json.beginArray()
        for item in items {
            if case .success(let rendered) = item.result { json.raw(rendered.body) }
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
        return json.bytes
    }

    /// What comes past the bound fails.
    private static func withinBound(_ items: [BatchItem]) -> [BatchItem] {
        var room = actionBytesMax
        return items.map { item in
            guard case .success(let rendered) = item.result else { return item }
            room -= rendered.answer.document.bytes.count
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
