// Both upstreams, and the routes about them: a call comes in, a reaction goes out, the audit knows.

import HTTPWire
import Locking
import StatusCore

/// Routes calls. Safe from any queue.
final class Sandbox: Sendable {
    /// What changes from call to call.
    struct State: Sendable {
        var stories = Stories()
        var tokens = PerSource { _ in TokenBook() }
        var rate: RateWindow
        var faults = FaultBoard()
        var audit: Audit
    }

    private let settings: Settings
    private let state: Guarded<State>

    init(_ settings: Settings, now: Instant, wall: WallTime) {
        self.settings = settings
        state = Guarded(
            State(rate: RateWindow(limit: settings.callsPerMinute), audit: Audit(began: now)))
    }

    /// The reaction to a call that arrived when the call says, at that time on the wall clock.
    func reaction(to call: Call, wall: WallTime) -> Reaction {
        if call.segments.first == "sandbox" { return .answer(control(call)) }
        guard let errand = Errand(call.segments) else { return .answer(stray(call)) }
        return state.withLock { state in
            serve(errand, call, wall, &state)
        }
    }

    private func serve(
        _ errand: Errand, _ call: Call, _ wall: WallTime, _ state: inout State
    ) -> Reaction {
        let scene = errand.play(call, wall, settings, &state)
        let reaction = state.faults.apply(
            at: errand.faultPlace, to: scene, isReused: call.numberOnConnection > 1)
        state.audit.note(
            Audit.Arrival(
                at: call.arrived, source: errand.source, kind: errand.kind, outcome: reaction.name))
        return reaction
    }

    /// The hosts' own answers to what they do not know: a web app's page, or a JSON 404.
    private func stray(_ call: Call) -> Response {
        guard call.segments.first == "v1" else {
            return .html(200, "<div id=\"app\">upstream-sandbox: see /sandbox/ids</div>")
        }
        return .json(
            404,
            VouchersBody.error(
                404, key: "not_found", message: "Resource not found",
                details: "No such endpoint"))
    }

    // MARK: Routes about the sandbox itself

    private func control(_ call: Call) -> Response {
        switch (call.method, call.segments.dropFirst().first ?? "", call.segments.count) {
        case ("GET", "ids", 2): return .json(200, IDList.json())
        case ("GET", "audit", 2):
            let audit = state.withLock { $0.audit }
            return .json(200, AuditWriter.report(audit, now: call.arrived))
        case ("DELETE", "audit", 2):
            state.withLock { $0.audit = Audit(began: call.arrived) }
            return Response(status: 204)
        case ("GET", "audit", 3) where call.segments[2] == "calls":
            let audit = state.withLock { $0.audit }
            return .json(200, AuditWriter.arrivals(audit, id: call.parameter("id")))
        case ("DELETE", "stories", 2):
            state.withLock { $0.stories = Stories() }
            return Response(status: 204)
        case ("GET", "faults", 2): return .json(200, faults())
        case ("DELETE", "faults", 2):
            state.withLock { $0.faults = FaultBoard() }
            return Response(status: 204)
        case ("PUT", "faults", 3): return setFault(call)
        default: return .json(404, #"{"message":"no such route of the sandbox"}"#)
        }
    }

    private func setFault(_ call: Call) -> Response {
        guard let place = FaultPlace(rawValue: call.segments[2]) else {
            return .json(404, #"{"message":"faults are for orders, vouchers or token"}"#)
        }
        do {
            let fault = try Fault.read(call.body)
            state.withLock { $0.faults.set(fault, at: place) }
            return .json(200, faults())
        } catch {
            var json = JSONWriter()
            json.beginObject()
            json.member("message", error.reason)
            json.endObject()
            return .json(400, json.bytes)
        }
    }

    private func faults() -> [UInt8] {
        var json = JSONWriter()
        state.withLock { $0.faults }.write(to: &json)
        return json.bytes
    }
}
