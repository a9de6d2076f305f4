// What must hold of every request that the API reads.

import HTTPWire

@testable import StatusAPI
@testable import StatusCore

enum ReaderRules {
    private static let limits = APILimits(
        configured: [Source("vouchers")].compactMap { $0 }, waitMax: .seconds(60))
    private static let now = Instant(nanoseconds: 5_000_000_000)
    private static let clocks = Clocks(instant: now, wall: WallTime(milliseconds: 0))

    static func check(_ request: AskedRequest, _ parts: RequestParts) {
        checkRoute(request)
        checkWish(request)
        checkBatch(request)
        for field in [parts.ifMatch, parts.ifNoneMatch] { checkCondition(field) }
        checkPreconditions(request.fields.preconditions)
        checkEvents(request.fields, parts)
        checkTrace(request.fields.trace)
        checkRequestID(request.fields.requestID, request.bytes)
        checkPlain(request, parts)
    }

    // MARK: Routes

    private static func checkRoute(_ request: AskedRequest) {
        let destination = request.destination
        guard destination.id != nil else { return }
        require(request.path.starts(with: "/actions/".utf8), "an id from another path")
        let bytes = request.bytes
        if let id = destination.actionID(in: bytes.span) { checkID(id) }
    }

    /// No byte of an id ends a path segment or a line, and every spelling of it is that id.
    private static func checkID(_ id: ActionID) {
        let bytes = Array(id.text.utf8)
        require((1...128).contains(bytes.count), "an id of \(bytes.count) bytes")
        require(bytes.first.map(isAlphanumeric) == true, "an id begins with \(id)")
        require(
            bytes.allSatisfy { isAlphanumeric($0) || "._~:-".utf8.contains($0) }, "the id \(id)")
        for spelling in [bytes, Array(escaped(id.text).utf8)] {
            let destination = Destination(route: .action, id: spelling.indices)
            require(destination.actionID(in: spelling.span) == id, "another id than \(id)")
        }
        require(!IDPattern.uuid.fits(id) || bytes.count == 36, "\(id) is no UUID")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    /// Every byte as an escape.
    private static func escaped(_ text: String) -> String {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? value + 0x30 : value + 0x57 }
        let bytes = text.utf8.flatMap { [UInt8(ascii: "%"), digit($0 >> 4), digit($0 & 15)] }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Wishes

    private static func checkWish(_ request: AskedRequest) {
        do throws(ProblemDetails) {
            let options = try options(request)
            require(options.source.map(limits.configured.contains) != false, "\(options)")
            switch options.patience {
            case .none: break
            case .done(let deadline), .change(_, let deadline):
                require(deadline > now && deadline <= now + limits.waitMax, "\(deadline)")
            case .update: require(false, "a query made a follower")
            }
        } catch {
            require(error.code == .invalidParameter, "\(error.code)")
            checkProblem(error)
        }
    }

    private static func options(_ request: AskedRequest) throws(ProblemDetails) -> RequestOptions {
        let query = request.query
        return try QuestionReader.options(
            query.span, preferredWait: request.fields.preferredWait,
            noneMatch: request.fields.preconditions.noneMatch, limits, now: now)
    }

    // MARK: Batches

    private static func checkBatch(_ request: AskedRequest) {
        let query = request.query
        guard let ids = try? QuestionReader.batchIDs(query.span) else { return }
        require((1...APILimits.batchIDsMax).contains(ids.count), "\(ids.count) ids")
        // Written and read again, they are the same.
        let again = ids.map { "id=" + escaped($0) }.joined(separator: "&")
        let bytes = Array(again.utf8)
        let read = try? QuestionReader.batchIDs(bytes.span)
        require(read?.count == ids.count, "\(read?.count ?? 0) of \(ids.count)")
        for (a, b) in zip(read ?? [], ids) {
            require(a.utf8.elementsEqual(b.utf8), "another id: \(a)")
        }
        let few = ids.prefix(4)
        few.compactMap(ActionID.init).forEach(checkID)
        let items = few.map { BatchItem(id: $0, result: .failure(.invalidID)) }
        let body = readOwn(BatchWriter.content(items, clocks: clocks).bytes, "a batch")
        let reported = body["failures"]?.array?.compactMap { $0["id"]?.string } ?? []
        require(reported.count == few.count, "\(reported.count) of \(few.count) ids")
        for (a, b) in zip(reported, few) { require(a.utf8.elementsEqual(b.utf8), "another id") }
    }

    // MARK: Events and traces

    private static func checkEvents(_ fields: RequestFields, _ parts: RequestParts) {
        if fields.prefersEvents {
            let accept = (parts.accept ?? []).map(lowercased)
            let name = Array("text/event-stream".utf8)
            require(accept.indices.contains { accept[$0...].starts(with: name) }, "unnamed events")
        }
        guard let seen = fields.lastSeen else { return }
        require(seen.parts.count <= APILimits.batchIDsMax, "\(seen.parts.count) actions")
        let again = ResumePoint(Array(seen.text.utf8).span)
        require(again == seen, "\(seen.text) is another point")
        guard seen.parts.count == 1, case .state(let tag) = seen.parts[0] else { return }
        // A compressor may have marked it.
        let field = parts.lastEventID?.drop { $0 == 32 || $0 == 9 } ?? []
        require(field.starts(with: tag.opaque.utf8), "another state")
    }

    /// An echoed text begins no line, and is what the caller sent.
    private static func checkRequestID(_ id: RequestID?, _ bytes: [UInt8]) {
        guard let id else { return }
        let text = Array(id.text(from: bytes.span).utf8)
        require((1...RequestID.bytesMax).contains(text.count), "an id of \(text.count) bytes")
        require(text.allSatisfy { (0x21...0x7E).contains($0) }, "the id's bytes")
        require(id.kept(from: bytes.span).text().utf8.elementsEqual(text), "another id")
    }

    /// The trace for the upstream is one that the upstream would accept, and the same one.
    private static func checkTrace(_ trace: TraceParent?) {
        guard let trace else { return }
        for span: UInt64 in [0, 1, .max] {
            let field = trace.continued(by: span)
            require(field.utf8.count == 55, "the trace \(field)")
            require(TraceParent(field)?.traceID == trace.traceID, "another trace than \(field)")
        }
    }

    // MARK: Conditions

    private static func checkCondition(_ field: [UInt8]?) {
        guard let field, let condition = TagCondition(field.span) else { return }
        require(condition.knownStates ?? [] == condition.tags.map(\.value), "other states")
        for tag in condition.tags {
            require(condition.matches(tag), "another state")
            let text = Array(tag.text.utf8)
            let again = TagCondition(text.span)
            require(again?.knownStates == [tag.value], "its text is another tag")
        }
    }

    /// In the order of RFC 9110 13.2.2; no weak tag is strongly equal to another (8.8.3.2).
    private static func checkPreconditions(_ held: Preconditions) {
        for tag in [nil, held.noneMatch?.tags.first] {
            switch held.verdict(tag) {
            case .failed:
                require(held.match.map { $0 != .any } == true, "412 without a tag in If-Match")
            case .notModified:
                require(held.noneMatch?.matches(tag) == true, "304 for another state")
            case .serve:
                require(held.noneMatch?.matches(tag) != true, "200 for a state that is known")
            }
        }
    }

    /// Fields are bytes (RFC 9110 5.5): one over 127 is text like any letter. It never creates a
    /// separator, or hides one by combining with it.
    private static func checkPlain(_ request: AskedRequest, _ parts: RequestParts) {
        guard let other = parts.plain.overTheWire() else { return }
        let options = try? options(request)
        let otherOptions = try? Self.options(other)
        require(options?.patience == otherOptions?.patience, "patience hangs on bytes over 127")
        let (held, otherHeld) = (request.fields.preconditions, other.fields.preconditions)
        require(
            held.match?.tags.count == otherHeld.match?.tags.count
                && held.noneMatch?.tags.count == otherHeld.noneMatch?.tags.count,
            "the number of tags hangs on bytes over 127")
    }

    // MARK: Problems

    /// Sent to callers as JSON, and never with text that breaks it.
    private static func checkProblem(_ problem: ProblemDetails) {
        let response = problem.response(now: now)
        require((400...499).contains(response.status), "\(response.status)")
        let body = readOwn(response.body, "a problem")
        require(body["code"]?.string == problem.code.rawValue, "another code")
        require(body["status"]?.integer == Int64(response.status), "another status")
    }
}
