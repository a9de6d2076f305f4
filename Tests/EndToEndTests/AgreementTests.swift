// All routes report the same about a stored answer while its upstream must not be called.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct AgreementTests {
    enum Trouble: String, CaseIterable {
        case pause = "upstream-throttled"
        case spentDay = "budget-spent"
    }

    @Test(arguments: Trouble.allCases)
    func allRoutesReportTheSameReasonWhileCallsAreBlocked(trouble: Trouble) async throws {
        let world = try await World(trouble == .spentDay ? ["VOUCHERS_CALLS_PER_DAY": "2"] : [:])
        let path = "/actions/\(DemoID.pendingVoucher)"
        try expectEqual(world.get(path).json["stale"], .bool(false))
        func follow() throws -> Program {
            try Program(
                try Tool.path(of: "curl"),
                ["-sN", "--max-time", "60", "http://127.0.0.1:\(world.port)\(path)/events"])
        }
        let follower = try follow()
        try await follower.event("a state") { $0.name == "status" }
        switch trouble {
        case .pause:
            try world.setFault("vouchers", #"{"kind":"status","status":429,"retry_after":60}"#)
            #expect(try world.get("/actions/aa_other").json["retry_after"]?.integer ?? 0 > 50)
        case .spentDay:
            try await eventually("the day's two calls") {
                try world.get(path).json["stale_reason"]?.string != nil
            }
        }
        // A waiting caller causes it to be published again meanwhile.
        _ = try world.get("\(path)?wait=1")
        func explained() throws -> JSONValue? {
            let sources = try world.get("\(path)/explain").json["sources"]?.array
            return sources?.first { $0["source"] == .string("vouchers") }?["answer"]
        }
        // An explanation publishes nothing.
        try await eventually("the refresh to be due") {
            try explained()?["stale_reason"]?.string == trouble.rawValue
        }
        let change = try await follower.event("its change") {
            $0.name == "freshness" && $0.json["stale_reason"]?.string == trouble.rawValue
        }
        let plain = try world.get(path).json
        let batch = try world.get("/actions?id=\(DemoID.pendingVoucher)").json
        let reasons = [
            plain["stale_reason"],
            try world.get("\(path)?source=vouchers").json["stale_reason"],
            try world.get("\(path)?wait=1").json["stale_reason"],
            batch["actions"]?.array?.first?["stale_reason"],
            try explained()?["stale_reason"],
            change.json["stale_reason"],
            try await follow().event("a state") { $0.name == "status" }.json["stale_reason"],
        ]
        #expect(reasons.allSatisfy { $0?.string == trouble.rawValue }, "\(reasons)")
    }
}
