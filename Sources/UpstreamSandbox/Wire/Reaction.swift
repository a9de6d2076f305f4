// The reaction to a request: a good or bad answer, now or later.

import HTTPWire

/// The reaction, and its delay.
struct Reaction: Equatable, Sendable {
    var deed: Deed
    var delay = Duration.zero

    enum Deed: Equatable, Sendable {
        case answer(Response)
        /// The head and half of the content; then the connection is closed.
        case half(Response)
        /// The head and half of the content; then nothing more.
        case stall(Response)
        /// Nothing at all, until the peer gives up.
        case hang
        /// The connection is closed with a RST.
        case reset
        /// The connection is closed with a FIN, without an answer.
        case close
    }

    static func answer(_ response: Response) -> Reaction { Reaction(deed: .answer(response)) }
    static let hang = Reaction(deed: .hang)
    static let reset = Reaction(deed: .reset)
    static let close = Reaction(deed: .close)

    func delayed(by delay: Duration) -> Reaction { Reaction(deed: deed, delay: self.delay + delay) }

    /// For the audit: "200", "half 200", "hang".
    var name: String {
        switch deed {
        case .answer(let response): "\(response.status)"
        case .half(let response): "half \(response.status)"
        case .stall(let response): "stall \(response.status)"
        case .hang: "hang"
        case .reset: "reset"
        case .close: "close"
        }
    }
}

extension Response {
    static func json(_ status: Int, _ text: String, _ fields: [Field] = []) -> Response {
        json(status, Array(text.utf8), fields)
    }

    static func json(_ status: Int, _ body: [UInt8], _ fields: [Field] = []) -> Response {
        let type = Field(name: "Content-Type", value: "application/json")
        return Response(status: status, fields: [type] + fields, body: body)
    }

    static func html(_ status: Int, _ text: String, _ fields: [Field] = []) -> Response {
        let type = Field(name: "Content-Type", value: "text/html; charset=utf-8")
        return Response(
            status: status, fields: [type] + fields,
            body: Array("<!doctype html>\n<html><body>\(text)</body></html>\n".utf8))
    }
}
