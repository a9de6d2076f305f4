// Faults on request: a JSON body comes in, the effect on every call of that upstream goes out.

import HTTPWire
import StatusCore

/// A fault of an upstream or its token endpoint, until it is changed.
enum Fault: Equatable, Sendable {
    case none
    case status(Int, retryAfter: String?)
    case reset
    case hang
    case close
    case half
    case delay(Duration)
    /// Every other call is delayed, starting with the first.
    case alternateDelay(Duration)
    case html
    /// A connection's second request is not answered, but closed (FIN).
    case closeReused
    /// The same with a RST.
    case resetReused

    /// The reaction under the fault. `call` counts from 0 since the fault was set.
    func apply(
        to reaction: Reaction, source: API, call: Int, isReused: Bool
    ) -> Reaction {
        switch self {
        case .none: reaction
        case .status(let status, let retryAfter):
            .answer(Self.response(source, status, retryAfter))
        case .reset: .reset
        case .hang: .hang
        case .close: .close
        case .half: Self.half(reaction)
        case .delay(let span): reaction.delayed(by: span)
        case .alternateDelay(let span): call % 2 == 0 ? reaction.delayed(by: span) : reaction
        case .html: .answer(.html(200, "Please sign in"))
        case .closeReused: isReused ? .close : reaction
        case .resetReused: isReused ? .reset : reaction
        }
    }

    private static func response(
        _ source: API, _ status: Int, _ retryAfter: String?
    ) -> Response {
        var response =
            status == 404
            ? Scene.notFound(source, "by-fault") : Scene.plain(source, status, "As asked for")
        if let retryAfter {
            response.fields.append(Field(name: "Retry-After", value: retryAfter))
        }
        return response
    }

    private static func half(_ reaction: Reaction) -> Reaction {
        guard case .answer(let response) = reaction.deed else { return reaction }
        return Reaction(deed: .half(response), delay: reaction.delay)
    }
}

/// Why a body is not a valid fault.
struct FaultRefusal: Error, Equatable {
    var reason: String
}

extension Fault {
    static let delayMax: Int64 = 3_600_000
    static let kinds =
        "none, status, reset, hang, close, half, delay, alternate-delay, html, close-reused, "
        + "reset-reused"

    /// Reads a fault such as `{"kind":"status","status":500}`.
    static func read(_ body: [UInt8]) throws(FaultRefusal) -> Fault {
        guard let json = try? JSONReader.read(body), let kind = json["kind"]?.string else {
            throw FaultRefusal(reason: "a JSON object with a kind is needed: \(kinds)")
        }
        switch kind {
        case "none": return .none
        case "status": return try status(json)
        case "reset": return .reset
        case "hang": return .hang
        case "close": return .close
        case "half": return .half
        case "delay": return .delay(try span(json))
        case "alternate-delay": return .alternateDelay(try span(json))
        case "html": return .html
        case "close-reused": return .closeReused
        case "reset-reused": return .resetReused
        default: throw FaultRefusal(reason: "no such kind; there are \(kinds)")
        }
    }

    private static func status(_ json: JSONValue) throws(FaultRefusal) -> Fault {
        guard let status = json["status"]?.integer, (200...599).contains(status) else {
            throw FaultRefusal(reason: "status must be a whole number from 200 to 599")
        }
        guard let wait = json["retry_after"] else { return .status(Int(status), retryAfter: nil) }
        // Seconds as a number or as text; a date as text.
        guard let text = wait.string ?? wait.integer.map(String.init) else {
            throw FaultRefusal(reason: "retry_after must be whole seconds or a date as text")
        }
        return .status(Int(status), retryAfter: text)
    }

    private static func span(_ json: JSONValue) throws(FaultRefusal) -> Duration {
        guard let milliseconds = json["milliseconds"]?.integer,
            (0...delayMax).contains(milliseconds)
        else {
            throw FaultRefusal(reason: "milliseconds must be a whole number up to \(delayMax)")
        }
        return .milliseconds(milliseconds)
    }

    /// Writes the fault as `read` reads it.
    func write(to json: inout JSONWriter) {
        json.beginObject()
        json.member("kind", kind)
        switch self {
        case .status(let status, let retryAfter):
            json.member("status", status)
            if let retryAfter { json.member("retry_after", retryAfter) }
        case .delay(let span), .alternateDelay(let span):
            json.member("milliseconds", span.nanoseconds / 1_000_000)
        default: break
        }
        json.endObject()
    }

    private var kind: String {
        switch self {
        case .none: "none"
        case .status: "status"
        case .reset: "reset"
        case .hang: "hang"
        case .close: "close"
        case .half: "half"
        case .delay: "delay"
        case .alternateDelay: "alternate-delay"
        case .html: "html"
        case .closeReused: "close-reused"
        case .resetReused: "reset-reused"
        }
    }
}
