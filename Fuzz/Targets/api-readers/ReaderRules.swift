// What must hold of every request that the API reads.

import HTTPWire

@testable import StatusAPI
@testable import StatusCore

enum ReaderRules {
    private static let limits = APILimits(configured: [.vouchers], waitMax: .seconds(60))
    private static let now = Instant(nanoseconds: 5_000_000_000)
    private static let clocks = Clocks(instant: now, wall: WallTime(milliseconds: 0))

    static func check(_ request: APIRequest) {
        checkRoute(request)
        checkQuery(request)
        checkWish(request)
        checkBatch(request)
        checkCondition(request.ifMatch)
        checkCondition(request.ifNoneMatch)
        checkPreconditions(request)
        checkEvents(request)
        checkTrace(request.trace)
        checkPlain(request)
    }

    // MARK: Routes

    private static func checkRoute(_ request: APIRequest) {
        do throws(RoutingFailure) {
            let route = try Router.route(request)
            require(!route.name.isEmpty, "a route without a name")
            guard case .action(let id) = route else { return }
            require(request.path.utf8.starts(with: "/actions/".utf8), "an id from another path")
            checkID(id)
        } catch {
            let code = error.problem.code
            let codes: [ProblemDetails.Code] = [.invalidID, .routeNotFound, .methodNotAllowed]
            require(codes.contains(code), "\(code)")
            require((error.allow != nil) == (code == .methodNotAllowed), "Allow")
            checkProblem(error.problem)
        }
    }

    /// Nothing in an id ends a path segment or a line; and every spelling of it is that id.
    private static func checkID(_ id: ActionID) {
        let bytes = Array(id.text.utf8)
        require((1...128).contains(bytes.count), "an id of \(bytes.count) bytes")
        require(bytes.first.map(isAlphanumeric) == true, "an id begins with \(id)")
        require(
            bytes.allSatisfy { isAlphanumeric($0) || "._~:-".utf8.contains($0) }, "the id \(id)")
        for path in ["/actions/" + id.text, "/actions/" + escaped(id.text)] {
            let request = APIRequest(path: path)
            require((try? Router.route(request)) == .action(id), "\(path) is not \(id)")
        }
        let known = id.suggestedSource
        require(known != .orders || bytes.count == 36, "\(id) is no UUID")
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    // MARK: Queries

    /// Parameters that are written out and read again are the same.
    private static func checkQuery(_ request: APIRequest) {
        do throws(ProblemDetails) {
            let parameters = try QueryReader(request.query).parameters
            require(parameters.count <= QueryReader.parametersMax, "\(parameters.count)")
            let readable = parameters.compactMap { name, value in value.map { (name, $0) } }
            let query = readable.map { escaped($0) + "=" + escaped($1) }.joined(separator: "&")
            let again = try QueryReader(query).parameters
            require(again.count == readable.count, "\(again.count) of \(readable.count)")
            for (a, b) in zip(again, readable) {
                require(a.name.utf8.elementsEqual(b.0.utf8), "another name: \(a.name)")
                require(a.value?.utf8.elementsEqual(b.1.utf8) == true, "another value")
            }
        } catch {
            require(error.code == .invalidParameter, "\(error.code)")
            checkProblem(error)
        }
    }

    /// Every byte as an escape.
    private static func escaped(_ text: String) -> String {
        func digit(_ value: UInt8) -> UInt8 { value < 10 ? value + 0x30 : value + 0x57 }
        let bytes = text.utf8.flatMap { [UInt8(ascii: "%"), digit($0 >> 4), digit($0 & 15)] }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Wishes

    private static func checkWish(_ request: APIRequest) {
        do throws(ProblemDetails) {
            let wish = try QuestionReader.wish(request, limits, now: now)
            require(wish.source.map(limits.configured.contains) != false, "\(wish)")
            switch wish.patience {
            case .none: break
            case .done(let deadline), .change(_, let deadline):
                require(deadline > now && deadline <= now + limits.waitMax, "\(deadline)")
            }
        } catch {
            require(error.code == .invalidParameter, "\(error.code)")
            checkProblem(error)
        }
    }

    // MARK: Batches

    private static func checkBatch(_ request: APIRequest) {
        guard let ids = try? QuestionReader.batchIDs(request) else { return }
        require((1...APILimits.batchIDsMax).contains(ids.count), "\(ids.count) ids")
        let few = ids.prefix(4)
        few.compactMap(ActionID.init).forEach(checkID)
        let items = few.map { BatchItem(id: $0, result: .failure(.invalidID)) }
        let none = Preconditions(APIRequest(path: "/"))
        let batch = BatchWriter.response(items, none, clocks: clocks, for: .shared)
        let body = readOwn(batch.body, "a batch")
        let told = body["failures"]?.array?.compactMap { $0["id"]?.string } ?? []
        require(told.count == few.count, "\(told.count) of \(few.count) ids")
        for (a, b) in zip(told, few) { require(a.utf8.elementsEqual(b.utf8), "another id") }
    }

    // MARK: Events and traces

    private static func checkEvents(_ request: APIRequest) {
        if EventStream.isPreferred(by: request.accept) {
            let accept = Array((request.accept ?? "").utf8.map(lowercased))
            let name = Array("text/event-stream".utf8)
            require(accept.indices.contains { accept[$0...].starts(with: name) }, "unnamed events")
        }
        guard let seen = EventStream.lastSeen(request) else { return }
        // A compressor may have marked it.
        require((request.lastEventID ?? "").utf8.starts(with: seen.opaque.utf8), "another state")
    }

    /// What goes on to an upstream is a trace that it would take, and the same one.
    private static func checkTrace(_ trace: TraceParent?) {
        guard let trace else { return }
        for span: UInt64 in [0, 1, .max] {
            let field = trace.continued(by: span)
            require(field.utf8.count == 55, "the trace \(field)")
            require(TraceParent(field)?.traceID == trace.traceID, "another trace than \(field)")
        }
    }

    // MARK: Conditions

    private static func checkCondition(_ field: String?) {
        guard let condition = TagCondition(field), case .tags(let tags) = condition else { return }
        require(condition.knownStates ?? [] == tags.map(\.value), "other states")
        for tag in tags {
            require(condition.matches(tag), "another state")
            require(TagCondition(tag.text)?.knownStates == [tag.value], "its text is another tag")
        }
    }

    /// In the order of RFC 9110 13.2.2; no weak tag is strongly equal to another (8.8.3.2).
    private static func checkPreconditions(_ request: APIRequest) {
        let preconditions = Preconditions(request)
        let selects = request.method == .get || request.method == .head
        let match = selects ? TagCondition(request.ifMatch) : nil
        let noneMatch = selects ? TagCondition(request.ifNoneMatch) : nil
        let own: EntityTag? = if case .tags(let tags) = noneMatch { tags.first } else { nil }
        for tag in [nil, own] {
            switch preconditions.verdict(tag) {
            case .failed: require(match.map { $0 != .any } == true, "412 without a tag in If-Match")
            case .notModified: require(noneMatch?.matches(tag) == true, "304 for another state")
            case .serve: require(noneMatch?.matches(tag) != true, "200 for a state that is known")
            }
        }
    }

    /// Fields are bytes (RFC 9110 5.5): one over 127 is text like any letter, and never makes a
    /// separator of what is none, or hides one by combining with it.
    private static func checkPlain(_ request: APIRequest) {
        func plain(_ text: String?) -> String? {
            text.map { String(decoding: $0.utf8.map { $0 < 128 ? $0 : 0x78 }, as: UTF8.self) }
        }
        var other = request
        other.ifMatch = plain(request.ifMatch)
        other.ifNoneMatch = plain(request.ifNoneMatch)
        other.prefer = plain(request.prefer)
        guard other != request else { return }
        let wish = try? QuestionReader.wish(request, limits, now: now)
        let otherWish = try? QuestionReader.wish(other, limits, now: now)
        require(wish?.patience == otherWish?.patience, "patience hangs on bytes over 127")
        for field in [\APIRequest.ifMatch, \APIRequest.ifNoneMatch] {
            require(
                tagCount(request[keyPath: field]) == tagCount(other[keyPath: field]),
                "the number of tags hangs on bytes over 127")
        }
    }

    private static func tagCount(_ field: String?) -> Int {
        guard case .tags(let tags) = TagCondition(field) else { return 0 }
        return tags.count
    }

    // MARK: Problems

    /// Told to callers as JSON, and never with words that break it.
    private static func checkProblem(_ problem: ProblemDetails) {
        let response = problem.response(now: now)
        require((400...499).contains(response.status), "\(response.status)")
        let body = readOwn(response.body, "a problem")
        require(body["code"]?.string == problem.code.rawValue, "another code")
        require(body["status"]?.integer == Int64(response.status), "another status")
    }
}
