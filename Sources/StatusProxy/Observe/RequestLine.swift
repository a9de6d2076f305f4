// The log line of a request, as JSON and as text.

import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

extension RequestContext {
    /// The length of all members' names and longest values.
    static let lineBytesMax =
        640 + OutputCursor.textBytesMax(RequestID.bytesMax) + ActionID.bytesMax
        + OutputCursor.textBytesMax(CallerKeys.nameBytesMax)
        + OutputCursor.textBytesMax(PeerAddress.textBytesMax)

    /// `events`: the number of events of a stream; nil for other answers.
    borrowing func kind(_ events: Int?) -> AnswerKind {
        switch cacheResult {
        case .hit?, .stale?: .hit
        case .miss?, .collapsed?, CacheResult.none?: .call
        case nil: events == nil ? .own : .call
        }
    }

    /// Writes the members of the request's log line, each name with the separator before it.
    @inline(__always)
    borrowing func write(
        _ bytes: Span<UInt8>, _ status: Int, _ nanoseconds: Int64, _ events: Int?,
        _ delivery: Delivery, _ requests: Int, as format: LogFormat, into line: inout OutputCursor
    ) {
        let isJSON = format == .json
        if requestID.isPlain {
            line.append(isJSON ? ",\"request_id\":\"" : " request_id=")
            line.append(requestID, from: bytes)
            if isJSON { line.append("\"") }
        } else {
            var id = requestID.text(from: bytes)
            id.withUTF8 { line.member("request_id", text: $0.span, as: format) }
        }
        line.append(isJSON ? ",\"method\":\"" : " method=")
        line.append(method.word)
        line.append(isJSON ? "\",\"route\":\"" : " route=")
        line.append(route.name)
        line.append(isJSON ? "\",\"status\":" : " status=")
        line.append(digits: UInt64(status), count: 3)
        line.append(isJSON ? ",\"duration_ms\":" : " duration_ms=")
        line.append(milliseconds: nanoseconds)
        if let action {
            line.append(isJSON ? ",\"action_id\":\"" : " action_id=")
            line.append(action, from: bytes)
            if isJSON { line.append("\"") }
        }
        if let actions { line.member("actions", actions, as: format) }
        if let reason = delivery.word {
            line.append(isJSON ? ",\"cut\":\"" : " cut=")
            line.append(reason)
            if isJSON { line.append("\"") }
        }
        if let cacheResult {
            line.append(isJSON ? ",\"cache\":\"" : " cache=")
            line.append(cacheResult.word)
            if isJSON { line.append("\"") }
        }
        if let source {
            line.append(isJSON ? ",\"source\":\"" : " source=")
            source.append(to: &line)
            if isJSON { line.append("\"") }
        }
        if let problem {
            var code = problem.rawValue
            code.withUTF8 { line.member("problem", text: $0.span, as: format) }
        }
        if let events { line.member("events", events, as: format) }
        if let trace = fields.trace {
            line.append(isJSON ? ",\"trace_id\":\"" : " trace_id=")
            line.append(hexadecimal: trace.high)
            line.append(hexadecimal: trace.low)
            if isJSON { line.append("\"") }
        }
        if let caller {
            let name = caller.nameBytes
            line.append(isJSON ? ",\"caller\":\"" : " caller=")
            line.append(name.span)
            if isJSON { line.append("\"") }
        }
        if var peer {
            peer.withUTF8 { line.member("peer", text: $0.span, as: format) }
        }
        if requests > 1 { line.member("requests", requests, as: format) }
    }
}

extension OutputCursor {
    /// An id needs no escapes or quotes.
    @inline(__always)
    mutating func append(_ action: AskedAction, from bytes: Span<UInt8>) {
        switch action {
        case .at(let place): append(bytes.extracting(place))
        case .kept(let id):
            var text = id.text
            text.withUTF8 { append($0.span) }
        }
    }
}

extension Delivery {
    /// Why the caller did not get its whole answer; nil if it did.
    var word: String? {
        switch self {
        case .whole: nil
        case .gone: "gone"
        case .cut(let cut): cut.reason.rawValue
        }
    }
}

extension HTTPWire.Method {
    /// Empty for an unknown method.
    var word: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .query: "QUERY"
        case .other: ""
        }
    }
}

extension Source {
    func append(to line: inout OutputCursor) {
        withBytes { line.append($0.span) }
    }
}
