// The upstreams and the sandbox's own routes: a call comes in and is recorded in the audit, a
// reaction goes out.

import Glibc
import HTTPWire
import Locking
import StatusCore

/// Routes calls. Safe from any queue.
final class Sandbox: Sendable {
    /// The state that calls change.
    struct State: Sendable {
        var account: Int
        var stories = Stories()
        var tokens: [API: TokenBook] = [:]
        var rate: RateWindow
        var faults = FaultBoard()
        var audit: Audit
    }

    private let settings: Settings
    private let began: Instant
    /// By account number, for accounts that have been called.
    private let accounts = Guarded<[Int: State]>([:])

    init(_ settings: Settings, now: Instant, wall: WallTime) {
        self.settings = settings
        began = now
    }

    private func withState<Result: Sendable>(
        _ account: Int, _ body: (inout State) -> Result
    ) -> Result {
        accounts.withLock { accounts in
            let new = State(
                account: account, rate: RateWindow(limit: settings.callsPerMinute),
                audit: Audit(began: began))
            return body(&accounts[account, default: new])
        }
    }

    /// The reaction to a call. `wall`: the wall clock at its arrival.
    func reaction(to call: Call, wall: WallTime) -> Reaction {
        guard let (account, segments) = Accounts.split(call.segments) else {
            return .answer(.json(404, #"{"message":"accounts are 1 to \#(Accounts.numberMax)"}"#))
        }
        var call = call
        call.segments = segments
        if segments.first == "sandbox" { return .answer(control(call, account)) }
        guard let operation = UpstreamOperation(segments) else { return .answer(stray(call)) }
        return withState(account) { serve(operation, call, wall, &$0) }
    }

    private func serve(
        _ operation: UpstreamOperation, _ call: Call, _ wall: WallTime, _ state: inout State
    ) -> Reaction {
        let scene = operation.play(call, wall, settings, &state)
        let reaction = state.faults.apply(
            at: operation.faultPlace, to: scene, isReused: call.numberOnConnection > 1)
        state.audit.note(
            Audit.Arrival(
                at: call.arrived, source: operation.source, kind: operation.kind,
                outcome: reaction.name))
        return reaction
    }

    /// The hosts' answers to unknown paths: a web app's page, or a JSON 404.
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

    private func control(_ call: Call, _ account: Int) -> Response {
        switch (call.method, call.segments.dropFirst().first ?? "", call.segments.count) {
        case ("GET", "ids", 2): return .json(200, IDList.json())
        case ("GET", "audit", 2):
            let audit = withState(account) { $0.audit }
            return .json(200, AuditWriter.report(audit, now: call.arrived))
        case ("DELETE", "audit", 2):
            withState(account) { $0.audit = Audit(began: call.arrived) }
            return Response(status: 204)
        case ("GET", "audit", 3) where call.segments[2] == "calls":
            let audit = withState(account) { $0.audit }
            return .json(200, AuditWriter.arrivals(audit, id: call.parameter("id")))
        case ("DELETE", "stories", 2):
            withState(account) { $0.stories = Stories() }
            return Response(status: 204)
        case ("GET", "faults", 2): return .json(200, faults(account))
        case ("DELETE", "faults", 2):
            withState(account) { $0.faults = FaultBoard() }
            return Response(status: 204)
        case ("PUT", "faults", 3): return setFault(call, account)
        default: return .json(404, #"{"message":"no such route of the sandbox"}"#)
        }
    }

    private func setFault(_ call: Call, _ account: Int) -> Response {
        guard let place = FaultPlace(rawValue: call.segments[2]) else {
            return .json(
                404, #"{"message":"faults are for orders, vouchers, conversations, jobs or token"}"#
            )
        }
        do {
            let fault = try Fault.read(call.body)
            withState(account) { $0.faults.set(fault, at: place) }
            return .json(200, faults(account))
        } catch {
            var json = JSONWriter()
            json.beginObject()
            json.member("message", error.reason)
            json.endObject()
            return .json(400, json.bytes)
        }
    }

    private func faults(_ account: Int) -> [UInt8] {
        var json = JSONWriter()
        withState(account) { $0.faults }.write(to: &json)
        return json.bytes
    }
}

/// The process's clocks.
enum Clocks {
    /// CLOCK_BOOTTIME: never steps, and counts while the machine is suspended.
    static func now() -> Instant { Instant(nanoseconds: read(CLOCK_BOOTTIME)) }

    /// Only for texts.
    static func wall() -> WallTime { WallTime(milliseconds: read(CLOCK_REALTIME) / 1_000_000) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        let code = clock_gettime(clock, &time)
        precondition(code == 0, "both clocks are in every Linux since 2.6.39")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
