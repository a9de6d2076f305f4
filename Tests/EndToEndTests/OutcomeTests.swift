// Every id of the sandbox is answered as the contract's tables say.

import StatusCore
import TestSupport
import Testing

/// The expected answer for an id.
struct Outcome: Sendable, CustomTestStringConvertible {
    var id: String
    var status: Int
    /// The Action's status, or the problem's code.
    var word: String
    /// The outcome that `sources` gives for the upstream that failed.
    var outcome: String?

    init(_ id: String, _ status: Int, _ word: String, _ outcome: String? = nil) {
        self.id = id
        self.status = status
        self.word = word
        self.outcome = outcome
    }

    var testDescription: String { "\(id) → \(status) \(word)" }
}

@Suite(.blocking) struct OutcomeTests {
    /// Both upstreams have the same faults, by the number in the id.
    static let troubles: [(number: String, status: Int, code: String, outcome: String)] = [
        ("030200", 502, "upstream-error", "wrong-action"),
        ("031200", 502, "upstream-error", "malformed"),
        ("032200", 502, "upstream-error", "not-json"),
        ("033200", 502, "upstream-error", "not-json"),
        ("034200", 502, "upstream-error", "not-json"),
        ("035200", 502, "upstream-error", "malformed"),
        ("036200", 502, "upstream-error", "too-large"),
        ("037200", 502, "upstream-error", "too-large"),
        ("038200", 404, "action-not-found", "not-found"),
        ("000302", 502, "upstream-error", "redirected"),
        ("000400", 502, "upstream-error", "unexpected-status"),
        ("000401", 502, "upstream-error", "unauthorized"),
        ("000402", 502, "upstream-error", "payment-required"),
        ("000403", 502, "upstream-error", "forbidden"),
        ("000404", 404, "action-not-found", "not-found"),
        ("001404", 502, "upstream-error", "unexpected-status"),
        ("002404", 502, "upstream-error", "unexpected-status"),
        ("006404", 502, "upstream-error", "unexpected-status"),
        ("000500", 502, "upstream-error", "server-error"),
        ("001500", 502, "upstream-error", "server-error"),
        ("002500", 502, "upstream-error", "server-error"),
        ("000502", 502, "upstream-error", "server-error"),
        ("000503", 502, "upstream-error", "server-error"),
        ("000504", 502, "upstream-error", "server-error"),
        ("000429", 503, "upstream-unavailable", "throttled"),
        ("001429", 503, "upstream-unavailable", "throttled"),
        ("002429", 503, "upstream-unavailable", "throttled"),
        ("002000", 504, "upstream-timeout", "timed-out"),
        ("003000", 502, "upstream-error", "connection-lost"),
        ("004000", 502, "upstream-error", "connection-lost"),
        ("005000", 502, "upstream-error", "connection-lost"),
        ("006000", 504, "upstream-timeout", "timed-out"),
    ]

    static let known: [Outcome] = [
        Outcome("1ba5fc4b-c4fd-4251-880b-3052e301bbd4", 200, "PENDING"),
        Outcome("00000000-0000-4000-8000-000000000200", 200, "SUCCEEDED"),
        Outcome("00000000-0000-4000-8000-000000001200", 200, "FAILED"),
        Outcome("00000000-0000-4000-8000-000000002200", 200, "PENDING"),
        Outcome("00000000-0000-4000-8000-000000003200", 200, "PENDING"),
        Outcome("00000000-0000-4000-8000-000000004200", 200, "UNKNOWN"),
        Outcome("00000000-0000-4000-8000-000000005200", 200, "FAILED"),
        Outcome("00000000-0000-4000-8000-000000006200", 200, "SUCCEEDED"),
        Outcome("00000000-0000-4000-8000-000000007200", 200, "FAILED"),
        Outcome("00000000-0000-4000-8000-000000001000", 200, "SUCCEEDED"),
        Outcome("aa_0adad13d6f057f088e", 200, "PENDING"),
        Outcome("aa_000000000000000200", 200, "SUCCEEDED"),
        Outcome("aa_000000000000001200", 200, "FAILED"),
        Outcome("aa_000000000000002200", 200, "IN_PROGRESS"),
        Outcome("aa_000000000000003200", 200, "PENDING"),
        Outcome("aa_000000000000004200", 200, "UNKNOWN"),
        Outcome("aa_000000000000010200", 200, "PARTIALLY_SUCCEEDED"),
        Outcome("aa_000000000000011200", 200, "PARTIALLY_SUCCEEDED"),
        Outcome("aa_000000000000012200", 200, "FAILED"),
        Outcome("aa_000000000000013200", 200, "SUCCEEDED"),
        Outcome("aa_000000000000014200", 200, "UNKNOWN"),
        Outcome("aa_000000000000015200", 200, "FAILED"),
        Outcome("aa_000000000000016200", 200, "PARTIALLY_SUCCEEDED"),
        Outcome("aa_000000000000017200", 200, "PARTIALLY_SUCCEEDED"),
        Outcome("aa_000000000000018200", 200, "UNKNOWN"),
        Outcome("aa_000000000000019200", 200, "PARTIALLY_SUCCEEDED"),
        Outcome("aa_000000000000025200", 200, "PARTIALLY_SUCCEEDED"),
        Outcome("aa_000000000000026200", 200, "UNKNOWN"),
        Outcome("aa_000000000000020200", 200, "UNKNOWN"),
        Outcome("aa_000000000000021200", 200, "SUCCEEDED"),
        Outcome("aa_000000000000022200", 200, "UNKNOWN"),
        Outcome("aa_000000000000023200", 200, "IN_PROGRESS"),
        Outcome("aa_000000000000024200", 200, "IN_PROGRESS"),
        Outcome("aa_000000000000001000", 200, "SUCCEEDED"),
        Outcome("aa_000000000000003429", 503, "upstream-unavailable", "throttled"),
        Outcome("order.plain-1", 200, "SUCCEEDED"),
        Outcome("voucher.plain-1", 200, "SUCCEEDED"),
        Outcome("00000000-0000-4000-8000-000000039200", 200, "SUCCEEDED"),
        Outcome("00000000-0000-4000-8000-000000003404", 200, "SUCCEEDED"),
        Outcome("00000000-0000-4000-8000-000000005404", 502, "upstream-error", "server-error"),
        Outcome("missing-and-broken", 502, "upstream-error", "server-error"),
        Outcome("known-to-both", 409, "ambiguous-action"),
        Outcome("aa_000000000000004404", 200, "SUCCEEDED"),
        Outcome("broken-and-missing", 502, "upstream-error", "server-error"),
    ]

    /// Each fault has its own proxy, so that it cannot open the breaker or cause a pause for the next.
    /// Successful ids share one, and so do the two sources' ids of one fault.
    static let groups: [[Outcome]] =
        [known.filter { $0.status == 200 }] + known.filter { $0.status != 200 }.map { [$0] }
        + troubles.map { trouble in
            ["00000000-0000-4000-8000-000000", "aa_000000000000"].map {
                Outcome("\($0)\(trouble.number)", trouble.status, trouble.code, trouble.outcome)
            }
        }

    @Test(arguments: groups)
    func everySandboxIDAnswersAsTheTablesSay(_ group: [Outcome]) async throws {
        // Only an expected timeout gets that little time.
        let timeout = group.contains { $0.status == 504 } ? "3s" : "30s"
        let world = try await World(
            ["ORDERS_TIMEOUT": timeout, "VOUCHERS_TIMEOUT": timeout], sandbox: ["--slow", "500ms"])
        for expected in group where expected.status == 409 {
            try await world.askUntilAmbiguous(expected.id)
        }
        for expected in group { try expect(expected, in: world) }
    }

    private func expect(_ expected: Outcome, in world: World) throws {
        let reply = try world.get("/actions/\(expected.id)")
        expectEqual(reply.status, expected.status, "\(expected.id)")
        let word = reply.status == 200 ? reply.json["status"] : reply.json["code"]
        expectEqual(word?.string, expected.word, "\(expected.id)")
        guard reply.status != 200, reply.status != 409 else { return }
        expectEqual(reply["content-type"], "application/problem+json")
        #expect(reply["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
        if let outcome = expected.outcome {
            let outcomes = reply.json["sources"]?.array?.map { $0["outcome"]?.string } ?? []
            #expect(outcomes.contains(outcome), "\(expected.id)")
        }
    }

    @Test func aHungUpstreamDoesNotSlowTheOther() async throws {
        let world = try await World(["ORDERS_TIMEOUT": "30s", "REFRESH_WAIT": "1s"])
        try world.setFault("orders", #"{"kind":"hang"}"#)
        let clock = ContinuousClock()
        let start = clock.now
        try expectEqual(world.get("/actions/hang-and-known").status, 200)
        try expectEqual(world.get("/actions/\(DemoID.pendingVoucher)").status, 200)
        #expect(clock.now - start < .seconds(20))  // far under the hung upstream's deadline
    }

    @Test func anUnauthorizedActionIsNotCalledTwiceInItsInterval() async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "300s"])
        let id = "00000000-0000-4000-8000-000000000401"
        for _ in 0..<10 { try expectEqual(world.get("/actions/\(id)").status, 502) }
        let audit = try world.audit()
        expectEqual(audit.orders.callsByID[id], 1)
        #expect(audit.orders.tokenFetches <= 2)
    }
}
