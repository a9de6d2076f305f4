// A request as a handler gets it, built from parts that need not have passed the parser.

import StatusCore

@testable import HTTPWire
@testable import StatusAPI

/// One request: its bytes, its head, and what the API reads from them.
final class Asked {
    let bytes: [UInt8]
    private let head: RequestHead

    init(
        method: HTTPWire.Method = .get, form: TargetForm = .origin, path: String = "/",
        query: String? = nil, _ fields: KeyValuePairs<String, String?> = [:]
    ) {
        var bytes: [UInt8] = []
        func place(_ text: String) -> Range<Int> {
            let start = bytes.count
            bytes += text.utf8
            return start..<bytes.count
        }
        var head = RequestHead()
        head.method = method
        head.form = form
        head.path = place(path)
        head.query = query.map(place)
        for case (let name, let value?) in fields {
            head.fields.append(FieldLine(name: place(name), value: place(value)))
        }
        self.bytes = bytes
        self.head = head
    }

    /// The same, through the parser.
    init(parsing text: String) throws {
        let bytes = Array(text.utf8)
        var head = RequestHead()
        guard case .request = RequestParser().parse(bytes.span, into: &head) else {
            throw NotParsed()
        }
        self.bytes = bytes
        self.head = head
    }

    struct NotParsed: Error {}

    var fields: RequestFields { read { RequestFields($0, $1) } }
    var destination: Destination { read { Router.destination(of: $0, $1) } }
    var route: Route { destination.route }
    var isGuarded: Bool { read { Router.isGuarded($0, $1) } }
    var isHealthCheck: Bool { read { Router.isHealthCheck($0, $1) } }

    var id: ActionID? {
        let destination = destination
        return read { destination.actionID(in: $1) }
    }

    private func read<Value>(
        _ body: (borrowing RequestHead, Span<UInt8>) -> Value
    ) -> Value {
        let bytes = bytes
        return body(head, bytes.span)
    }

    var key: String? { fields.key.map { String(decoding: bytes[$0], as: UTF8.self) } }

    /// The problem that the target alone causes.
    var refusal: ProblemDetails? {
        if destination.id != nil, id == nil { return .invalidID }
        return switch route {
        case .unknown: .routeNotFound
        case .notAllowed: .methodNotAllowed
        default: nil
        }
    }

    func options(
        _ limits: APILimits, isBatch: Bool = false
    ) throws(ProblemDetails) -> RequestOptions {
        let (query, fields) = (query, fields)
        return try QuestionReader.options(
            query.span, preferredWait: fields.preferredWait,
            noneMatch: fields.preconditions.noneMatch, limits, now: Fixtures.now,
            isBatch: isBatch)
    }

    func batchIDs() throws(ProblemDetails) -> [String] {
        let query = query
        return try QuestionReader.batchIDs(query.span)
    }

    private var query: [UInt8] { Array(bytes[head.query ?? 0..<0]) }
}

extension Preconditions {
    static func of(
        _ ifMatch: String? = nil, noneMatch: String? = nil, method: HTTPWire.Method = .get
    ) -> Preconditions {
        Asked(method: method, ["If-Match": ifMatch, "If-None-Match": noneMatch]).fields
            .preconditions
    }
}

extension TagCondition {
    init?(_ text: String) { self.init(Array(text.utf8).span) }
}

extension EntityTag {
    init?(opaque: String) { self.init(opaque: Array(opaque.utf8).span) }
}
