// Answers of every kind as two judges of HTTP see them.

import Glibc
import StatusCore
import TestSupport
import Testing

/// A judge, and what it may remark: because the contract wants it so, for that reason.
struct Trial: Sendable, CustomTestStringConvertible {
    var judge: AnswerJudge
    var reasons: [String: String]

    var testDescription: String { judge.rawValue }

    static let all = [
        Trial(
            judge: .httpolice,
            reasons: [
                "1095": "409 to a GET: two sources know the id, and `source` resolves the conflict",
                "1113": "Retry-After beside 200, 404, 502, 504: when a call can be made",
                "1263": "Bearer without TLS: TLS ends in front of the service",
                "1264": "Bearer without a parameter: there is one realm, without a name",
                "1277": "`X-`: X-Request-Id is what balancers and log tools call it",
                "1291": "Vary without Prefer: `wait` delays an answer, and alters none",
                "1302": "`immutable` without TLS: TLS ends in front of the service",
            ]),
        Trial(
            judge: .redbot,
            reasons: ["STATUS_BAD_REQUEST": "it stands beside every 400: the request was wrong"]),
    ]
}

/// A service in some situation, and what it is asked then.
private enum Stage: CaseIterable {
    case usual, paused, stale, keyed, crowded, draining

    struct Scene {
        var world: World
        var probes: [Probe]
        /// A caller that is held meanwhile.
        var held: RawSocket?
    }

    func scene() async throws -> Scene {
        switch self {
        case .usual: try await Self.usual()
        case .paused:
            Scene(world: try await World(), probes: Self.contract.filter { $0.status == 503 })
        case .stale: try await Self.stale()
        case .keyed: try await Self.keyed()
        case .crowded: try await Self.crowded()
        case .draining: try await Self.draining()
        }
    }

    private static let contract = ContractTests.probes.flatMap { $0 }
    private static let known = "/actions/\(DemoID.pendingVoucher)"

    private static func usual() async throws -> Scene {
        let world = try await World(["VOUCHERS_TIMEOUT": "1s"])
        try await world.askUntilAmbiguous()
        let more = [
            Probe("GET", known, "", 200),
            Probe("GET", "\(known)?wait=1", "", 200),
            Probe("GET", known, "", 200, ["Prefer: wait=1"]),
            Probe("GET", known, "", 403, ["Sec-Fetch-Site: cross-site"]),
            Probe("GET", "/", "", 200, ["Accept-Encoding: gzip"]),
            Probe("OPTIONS", "/", "", 204),
            Probe("GET", "/nowhere", "", 404),
            Probe("BREW", "/livez", "", 501),
        ]
        // A 429 of the upstream is a pause, after which nothing is as before.
        let probes = contract.filter { $0.status != 503 } + ContractTests.others + more
        return Scene(world: world, probes: probes)
    }

    private static func stale() async throws -> Scene {
        let world = try await World()
        try expectEqual(world.get(known).json["stale"], .bool(false))
        try world.setFault("vouchers", #"{"kind":"status","status":500}"#)
        try await eventually("a stale answer") {
            try world.get(known).json["stale"] == .bool(true)
        }
        let paths = [known, "/actions?id=\(DemoID.pendingVoucher)", "\(known)/explain", "/sources"]
        return Scene(world: world, probes: paths.map { Probe("GET", $0, "", 200) })
    }

    private static let key = ["Authorization: Bearer key-one"]

    private static func keyedWorld() async throws -> World {
        let keys = Project.path("Tests/EndToEndTests/Corpus/caller-keys")
        return try await World([
            "CALLER_KEYS_FILE": keys, "CALLER_HELD_MAX": "1", "WAIT_MAX": "600s",
        ])
    }

    private static func keyed() async throws -> Scene {
        let probes = GuardedRequest.all("aa_000000000000000200").flatMap { request in
            [[], key].map {
                Probe("GET", request.path, "", $0.isEmpty ? 401 : 200, request.fields + $0)
            }
        }
        return Scene(world: try await keyedWorld(), probes: probes)
    }

    private static func crowded() async throws -> Scene {
        let world = try await keyedWorld()
        let path = "\(known)?wait=600"
        try expectEqual(world.get(known, fields: key).status, 200)
        let held = try RawSocket(port: world.port)
        try held.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(key[0])\r\n\r\n")
        try await eventually("a held caller") {
            try world.get("/metrics", fields: key).text.contains("\nstatus_proxy_waiters 1\n")
        }
        return Scene(world: world, probes: [Probe("GET", path, "", 429, key)], held: held)
    }

    private static func draining() async throws -> Scene {
        let world = try await World(["DRAIN_DELAY": "300s", "SHUTDOWN_TIMEOUT": "310s"])
        world.proxy.signal(SIGTERM)
        try await eventually("draining") { try world.get("/readyz").status == 503 }
        let probes = [
            Probe("GET", "/readyz", "", 503), Probe("HEAD", "/readyz", "", 503),
            Probe("GET", "/livez", "", 200),
        ]
        return Scene(world: world, probes: probes)
    }
}

@Suite(.blocking, .timeLimit(.minutes(10)))
struct AnswerJudgeOrdealTests {
    @Test(arguments: Trial.all)
    func judgeRemarksOnWhatTheContractWantsOnly(trial: Trial) async throws {
        var remarks: [String: Set<String>] = [:]
        for stage in Stage.allCases {
            let scene = try await stage.scene()
            let port = scene.world.port
            for (remark, about) in try await trial.judge.remarks(on: scene.probes, port: port) {
                remarks[remark, default: []].insert(about)
            }
        }
        let unexpected = remarks.filter { trial.reasons[$0.key] == nil }
        #expect(unexpected.isEmpty)
        let gone = trial.reasons.keys.filter { remarks[$0] == nil }
        #expect(gone.isEmpty)
    }
}
