// From method and path to the route, in place.

public import HTTPWire
public import StatusCore

/// A route of the API.
public enum Route: UInt8, CaseIterable, Sendable {
    case action
    /// Explains the answer for an action.
    case explain
    case events
    case actions
    /// The state of the sources.
    case sources
    case live
    case ready
    case metrics
    case openAPI
    case page
    /// OPTIONS on any route.
    case options
    /// No such path.
    case unknown
    /// A method that no route accepts.
    case notAllowed

    /// Whether the answer depends on Accept and Accept-Encoding.
    public var isNegotiated: Bool {
        switch self {
        case .action, .events, .actions: true
        default: false
        }
    }

    /// The route's name in logs and metrics, without ids.
    public var name: StaticString {
        switch self {
        case .action: "/actions/{id}"
        case .explain: "/actions/{id}/explain"
        case .events: "/actions/{id}/events"
        case .actions: "/actions"
        case .sources: "/sources"
        case .live: "/livez"
        case .ready: "/readyz"
        case .metrics: "/metrics"
        case .openAPI: "/openapi.yaml"
        case .page: "/"
        case .options: "OPTIONS"
        case .unknown, .notAllowed: "other"
        }
    }
}

/// Where a request leads.
public struct Destination: Sendable, Equatable {
    public var route: Route
    /// The place of the action's id in the bytes of the head, percent-encoded as it came; nil for a
    /// path without an id.
    public var id: Range<Int>?

    /// The id; nil if there is none, or it is malformed.
    public func actionID(in bytes: Span<UInt8>) -> ActionID? {
        id.flatMap { PercentCoding.decode(bytes.extracting($0)) }.flatMap(ActionID.init)
    }
}

public enum Router {
    /// The methods that every route accepts.
    public static let allowed = "GET, HEAD, OPTIONS"

    public static func destination(
        of head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Destination {
        if head.form == .asterisk { return Destination(route: .options) }
        let place = place(head.path, bytes)
        guard place.route != .unknown else { return place }
        switch head.method {
        case .get, .head: return place
        case .options:
            // A health check by OPTIONS is answered like one by GET.
            let isCheck = place.route == .live || place.route == .ready
            return isCheck ? place : Destination(route: .options, id: place.id)
        default: return Destination(route: .notAllowed, id: place.id)
        }
    }

    /// Whether a request needs a caller's key, when keys are on. Health checks and the contract
    /// never do, nor does OPTIONS, which reveals nothing that is not in the contract.
    public static func isGuarded(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
        guard head.form != .asterisk, head.method != .options else { return false }
        return bytes.equals("/actions", at: head.path) || isUnderActions(head.path, bytes)
            || bytes.equals("/metrics", at: head.path) || bytes.equals("/sources", at: head.path)
    }

    /// Whether a request is a health check of a load balancer: a health route, or OPTIONS of the
    /// server.
    public static func isHealthCheck(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
        switch destination(of: head, bytes).route {
        case .live, .ready: true
        case .options: head.form == .asterisk || isRoot(head.path, bytes)
        default: false
        }
    }

    private static let actions: StaticString = "/actions/"

    private static func isUnderActions(_ path: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        let length = actions.utf8CodeUnitCount
        return path.count >= length && bytes.equals("/actions/", at: path.prefix(length))
    }

    /// An absolute form without a path means "/" (RFC 9112 3.2.2).
    private static func isRoot(_ path: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        path.isEmpty || bytes.equals("/", at: path)
    }

    private static func place(_ path: Range<Int>, _ bytes: Span<UInt8>) -> Destination {
        guard isUnderActions(path, bytes) else { return Destination(route: route(path, bytes)) }
        let start = path.lowerBound + actions.utf8CodeUnitCount
        let slash = bytes.firstIndex(of: UInt8(ascii: "/"), in: start..<path.upperBound)
        guard let slash else { return Destination(route: .action, id: start..<path.upperBound) }
        let rest = slash + 1..<path.upperBound
        if bytes.equals("events", at: rest) {
            return Destination(route: .events, id: start..<slash)
        }
        let isExplain = bytes.equals("explain", at: rest)
        return isExplain
            ? Destination(route: .explain, id: start..<slash) : Destination(route: .unknown)
    }

    private static func route(_ path: Range<Int>, _ bytes: Span<UInt8>) -> Route {
        if bytes.equals("/actions", at: path) { return .actions }
        if bytes.equals("/livez", at: path) || bytes.equals("/healthz", at: path) { return .live }
        if bytes.equals("/readyz", at: path) { return .ready }
        if bytes.equals("/metrics", at: path) { return .metrics }
        if bytes.equals("/sources", at: path) { return .sources }
        if bytes.equals("/openapi.yaml", at: path) { return .openAPI }
        return isRoot(path, bytes) ? .page : .unknown
    }
}

extension ProblemDetails {
    /// The answer to a malformed id.
    public static let invalidID = ProblemDetails(
        .invalidID,
        "An action id has 1 to \(ActionID.bytesMax) characters of A-Z a-z 0-9 . _ ~ : - and starts"
            + " with a letter or digit. Correct the id.")

    /// The answer to a path that no route has.
    public static let routeNotFound = ProblemDetails(
        .routeNotFound, "No route has this path. /openapi.yaml lists the routes.")

    /// The answer to a method that no route accepts, with ``Router/allowed`` (RFC 9110 15.5.6).
    public static let methodNotAllowed = ProblemDetails(
        .methodNotAllowed,
        "This route does not accept the request's method. Use one of: \(Router.allowed).")
}
