// Tests requested faults: how a body is read, and what happens to a call.

import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import UpstreamSandbox

@Suite struct FaultTests {
    static let bodies: [(String, Fault)] = [
        (#"{"kind":"none"}"#, .none),
        (#"{"kind":"status","status":500}"#, .status(500, retryAfter: nil)),
        (#"{"kind":"status","status":429,"retry_after":30}"#, .status(429, retryAfter: "30")),
        (#"{"kind":"status","status":503,"retry_after":"soon"}"#, .status(503, retryAfter: "soon")),
        (#"{"kind":"reset"}"#, .reset),
        (#"{"kind":"hang"}"#, .hang),
        (#"{"kind":"close"}"#, .close),
        (#"{"kind":"half"}"#, .half),
        (#"{"kind":"delay","milliseconds":7000}"#, .delay(.seconds(7))),
        (#"{"kind":"alternate-delay","milliseconds":3000}"#, .alternateDelay(.seconds(3))),
        (#"{"kind":"html"}"#, .html),
        (#"{"kind":"close-reused"}"#, .closeReused),
        (#"{"kind":"reset-reused"}"#, .resetReused),
    ]

    @Test(arguments: bodies)
    func faultIsReadFromABody(_ body: String, _ fault: Fault) throws {
        try expectEqual(Fault.read(Array(body.utf8)), fault)
    }

    @Test(arguments: bodies.map(\.1))
    func faultRoundTrips(_ fault: Fault) throws {
        var json = JSONWriter()
        fault.write(to: &json)
        try expectEqual(Fault.read(json.bytes), fault)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"kind":"sneeze"}"#, #"{"kind":"status"}"#,
        #"{"kind":"status","status":99}"#, #"{"kind":"status","status":"500"}"#,
        #"{"kind":"delay"}"#, #"{"kind":"delay","milliseconds":-1}"#,
        #"{"kind":"delay","milliseconds":3600001}"#,
        #"{"kind":"status","status":429,"retry_after":[]}"#,
    ])
    func invalidFaultIsRefused(_ body: String) {
        #expect(throws: FaultRefusal.self) { try Fault.read(Array(body.utf8)) }
    }

    @Test func everyOtherCallIsLate() {
        let delays = (0..<4).map { call in
            Fault.alternateDelay(.seconds(3)).apply(
                to: .hang, source: .orders, call: call, isReused: false
            ).delay
        }
        expectEqual(delays, [.seconds(3), .zero, .seconds(3), .zero])
    }

    @Test(arguments: [(Fault.closeReused, Reaction.close), (.resetReused, .reset)])
    func onlyReusedConnectionsAreCut(_ fault: Fault, _ cut: Reaction) {
        let honest = Reaction.answer(.json(200, "{}"))
        expectEqual(
            fault.apply(to: honest, source: .orders, call: 0, isReused: false), honest)
        expectEqual(fault.apply(to: honest, source: .orders, call: 1, isReused: true), cut)
    }

    @Test func faultOfOneUpstreamDoesNotAffectTheOther() {
        var board = FaultBoard()
        board.set(.reset, at: .orders)
        let honest = Reaction.answer(.json(200, "{}"))
        expectEqual(board.apply(at: .vouchers, to: honest, isReused: false), honest)
        expectEqual(board.apply(at: .token, to: honest, isReused: false), honest)
        expectEqual(board.apply(at: .orders, to: honest, isReused: false), .reset)
    }

    @Test func faultStatus404IsAReal404() throws {
        let reaction = Fault.status(404, retryAfter: nil).apply(
            to: .hang, source: .orders, call: 0, isReused: false)
        guard case .answer(let response) = reaction.deed else { return #expect(Bool(false)) }
        try expectEqual(JSONReader.read(response.body)["code"]?.string, "DATA_NOT_FOUND")
    }
}
