// The answer to `GET /actions?id=…`: every id's answer or problem, in the order asked.

public import HTTPWire
internal import StatusCore

/// The result for one id of a batch.
public struct BatchItem: Sendable {
    /// As it was given.
    public var id: String
    public var result: Result<RenderedAnswer, ProblemDetails>

    public init(id: String, result: Result<RenderedAnswer, ProblemDetails>) {
        self.id = id
        self.result = result
    }

    /// An estimate: only the detail of a failure counts.
    fileprivate var plainBytes: Int {
        switch result {
        case .success(let rendered): rendered.answer.document.bytes.count + rendered.tail.count
        case .failure(let problem): problem.detail.utf8.count
        }
    }

    /// Whether the id is answered with an action that has ended.
    var isDone: Bool {
        guard case .success(let rendered) = result else { return false }
        return rendered.answer.document.isDone
    }

    /// Whole seconds until another request is useful; nil: never.
    func retryAfter(_ now: Instant) -> Int? {
        switch result {
        case .success(let rendered):
            rendered.answer.nextRefreshAt.map { max(1, ($0 - now).secondsRoundedUp) }
        case .failure(let problem): problem.retryAfter(now)
        }
    }
}

extension EntityTag {
    /// The tag of a batch: over the states, and over the ids and codes of failures.
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

/// The destination of a batch: plain content, or a gzip member.
private protocol ActionSink {
    mutating func append(_ bytes: [UInt8])
    mutating func append(_ rendered: RenderedAnswer)
}

extension Content: ActionSink {
    fileprivate mutating func append(_ rendered: RenderedAnswer) { rendered.append(to: &self) }
}

extension GzipMember: ActionSink {
    fileprivate mutating func append(_ rendered: RenderedAnswer) { rendered.append(to: &self) }
}

public enum BatchWriter {
    /// 200 for the actions and failures, whose body is ``content(_:clocks:)``; 304 if the caller
    /// has all these states, or 412.
    public static func response(
        _ items: [BatchItem], _ preconditions: Preconditions, clocks: Clocks,
        for caches: CacheScope
    ) -> Response {
        let tag = EntityTag(items)
        var fields = [
            Field(name: "ETag", value: tag.text),
            // A cache may store the answer, and must revalidate it (RFC 9111 5.2.2.4).
            Field(
                name: "Cache-Control", value: caches == .shared ? "no-cache" : "private, no-cache"),
            Field(name: "Content-Type", value: "application/json"),
            AcceptedCoding.vary,
        ]
        if let seconds = items.compactMap({ $0.retryAfter(clocks.instant) }).min() {
            fields.append(Field(name: "Retry-After", value: String(seconds)))
        }
        return preconditions.applied(
            to: Response(status: 200, fields: fields), tag: tag, now: clocks.instant)
    }

    /// Whether the answer for these items is compressed.
    public static func isCompressed(_ items: [BatchItem], for request: RequestFields) -> Bool {
        request.coding.compresses(items.reduce(0) { $0 + $1.plainBytes })
    }

    /// Bytes of states that have to be compressed before the answer to such a request is written.
    public static func bytesToCompress(_ items: [BatchItem], for request: RequestFields) -> Int {
        guard request.coding != .identity, isCompressed(items, for: request),
            request.preconditions.verdict(EntityTag(items)) == .serve
        else { return 0 }
        return items.reduce(0) { $0 + ((try? $1.result.get())?.uncompressedBytes ?? 0) }
    }

    /// All actions and failures. States are not copied; those that have a compressed form are
    /// appended in it.
    public static func content(
        _ items: [BatchItem], clocks: Clocks, isCompressed: Bool = false
    ) -> Content {
        guard isCompressed else {
            var content = Content()
            write(items, clocks, to: &content)
            return content
        }
        var member = GzipMember()
        write(items, clocks, to: &member)
        member.end()
        return member.content
    }

    private static func write(
        _ items: [BatchItem], _ clocks: Clocks, to content: inout some ActionSink
    ) {
        let areDone = items.allSatisfy(\.isDone)
        content.append(Array("{\"done\":\(areDone),\"actions\":[".utf8))
        var isFirst = true
        for case .success(let rendered) in items.map(\.result) {
            if !isFirst { content.append([UInt8(ascii: ",")]) }
            isFirst = false
            content.append(rendered)
        }
        content.append(Array("],\"failures\":".utf8))
        content.append(failures(items, clocks))
        content.append([UInt8(ascii: "}")])
    }

    private static func failures(_ items: [BatchItem], _ clocks: Clocks) -> [UInt8] {
        var json = JSONWriter()
        json.beginArray()
        for item in items {
            guard case .failure(let problem) = item.result else { continue }
            json.beginObject()
            json.member("id", item.id)
            json.name("problem")
            json.raw(problem.body(now: clocks.instant))
            json.endObject()
        }
        json.endArray()
        return json.bytes
    }
}
