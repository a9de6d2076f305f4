// From method and path to the route, or to the problem that there is none.

import HTTPWire
public import StatusCore

/// A place in the API. Valid once it exists: ids are ids.
public enum Route: Sendable, Equatable {
    case action(ActionID)
    /// Why the action's answer is what it is.
    case explain(ActionID)
    case events(ActionID)
    case actions
    case live
    case ready
    case metrics
    case openAPI
    case page
    /// OPTIONS on any route, with the methods that it takes.
    case options(allow: String)

    /// The route's name in logs and metrics: no ids.
    public var name: String {
        switch self {
        case .action: "/actions/{id}"
        case .explain: "/actions/{id}/explain"
        case .events: "/actions/{id}/events"
        case .actions: "/actions"
        case .live: "/livez"
        case .ready: "/readyz"
        case .metrics: "/metrics"
        case .openAPI: "/openapi.yaml"
        case .page: "/"
        case .options: "OPTIONS"
        }
    }
}

/// Why a request has no route.
public struct RoutingFailure: Error, Sendable, Equatable {
    public var problem: ProblemDetails
    /// For 405 (RFC 9110 10.2.1).
    public var allow: String?
}

public enum Router {
    /// What every route takes.
    public static let allowed = "GET, HEAD, OPTIONS"

    /// - Throws: `route-not-found`, `method-not-allowed` or `invalid-id`.
    public static func route(_ request: APIRequest) throws(RoutingFailure) -> Route {
        if request.form == .asterisk { return .options(allow: allowed) }
        let place = try place(request.path)
        switch request.method {
        case .get, .head: return place
        case .options:
            // A health check by OPTIONS is answered as one by GET.
            return place == .live || place == .ready ? place : .options(allow: allowed)
        default:
            throw RoutingFailure(
                problem: ProblemDetails(.methodNotAllowed, "This route takes \(allowed)."),
                allow: allowed)
        }
    }

    /// Whether a request needs a caller's key, when keys are on. Health checks and the contract never
    /// do, nor does OPTIONS, which tells no more than the contract.
    public static func isGuarded(_ request: APIRequest) -> Bool {
        guard request.form != .asterisk, request.method != .options else { return false }
        return request.path == "/actions" || request.path.hasPrefix("/actions/")
            || request.path == "/metrics"
    }

    /// Whether a request asks how the service is, in one of the ways of load balancers: by a health
    /// route, or by OPTIONS of the server.
    public static func isHealthCheck(_ request: APIRequest) -> Bool {
        switch try? route(request) {
        case .live, .ready: true
        case .options: request.form == .asterisk || request.path == "/"
        default: false
        }
    }

    private static func place(_ path: String) throws(RoutingFailure) -> Route {
        switch path {
        case "/livez", "/healthz": return .live
        case "/readyz": return .ready
        case "/actions": return .actions
        case "/metrics": return .metrics
        case "/openapi.yaml": return .openAPI
        case "/": return .page
        default: break
        }
        guard path.hasPrefix("/actions/") else { throw notFound }
        let segments = path.dropFirst("/actions/".count).split(
            separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        switch segments.dropFirst().first {
        case nil: return .action(try id(segments[0]))
        case "events": return .events(try id(segments[0]))
        case "explain": return .explain(try id(segments[0]))
        default: throw notFound
        }
    }

    private static func id(_ segment: Substring) throws(RoutingFailure) -> ActionID {
        guard let id = PercentCoding.decode(segment).flatMap(ActionID.init) else {
            throw RoutingFailure(problem: .invalidID)
        }
        return id
    }

    private static let notFound = RoutingFailure(
        problem: ProblemDetails(.routeNotFound, "There is nothing at this path."))
}

extension ProblemDetails {
    /// Told for an id that is none.
    public static let invalidID = ProblemDetails(
        .invalidID,
        "An id is 1 to \(ActionID.bytesMax) characters of A-Z a-z 0-9 . _ ~ : - with a letter or"
            + " digit first.")
}
