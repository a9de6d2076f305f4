// What compose.yaml describes, run on free ports of the loopback address.

import Foundation
import StatusCore
import TestSupport

/// The database is a test server with the user, the password and the name in the file; the other
/// services are as in the file, in their order.
final class Composition {
    let file: ComposeFile
    /// Where the callers' requests go.
    let port: Int
    private let cluster: PostgresCluster
    private let sandbox: Program
    private let balancer: Program
    private var replicas: [String: Program] = [:]
    private var ended: [Program] = []
    /// An address in the file, and the one used here.
    private let places: [(name: String, here: String)]
    private let folder: TemporaryFolder

    init() async throws {
        file = try ComposeFile()
        folder = try TemporaryFolder()
        cluster = try await Self.database(file)
        let sandboxPort = try LoopbackAddress.freePort()
        let front = try LoopbackAddress.freePort()
        port = front
        places =
            [
                ("database:5432", "127.0.0.1:\(cluster.port)"),
                ("sandbox:9090", "127.0.0.1:\(sandboxPort)"),
                ("localhost:9090", "127.0.0.1:\(sandboxPort)"),
                ("localhost:8080", "127.0.0.1:\(front)"), ("bind :8080", "bind 127.0.0.1:\(front)"),
                // As many as a machine's limit of open files allows, not a container's.
                ("0.0.0.0", "127.0.0.1"), ("maxconn 10000", "maxconn 1000"),
            ]
            + (try file.replicas.map {
                ("\($0):8080", "127.0.0.1:\(try LoopbackAddress.freePort())")
            })
        let text = try Project.text("deploy/compose/haproxy.cfg")
        let configuration = try folder.write(Self.translate(text, places), to: "haproxy.cfg")

        let command = Self.translate(
            file.services["sandbox"]?.command.joined(separator: " ") ?? "", places
        ).split(separator: " ").map(String.init)
        sandbox = try Program(
            command[0], command.dropFirst() + ["--port", "\(sandboxPort)", "--pending", "2s"])
        _ = try await World.port(of: sandbox)
        balancer = try Program(Tool.path(of: "haproxy"), ["-db", "-f", configuration])
        for name in file.replicas { try await start(name) }
        try await Tool.untilListening(balancer, on: port)
        try await untilUsed()
    }

    deinit {
        ([balancer, sandbox] + replicas.values).forEach { $0.signal(SIGKILL) }
    }

    func translate(_ text: String) -> String { Self.translate(text, places) }

    /// What the balancer logged, also about its servers.
    var balancerText: String { balancer.text }

    /// What the replicas logged first, without requests that were answered.
    var replicaText: String {
        (ended + replicas.values).map { replica in
            replica.text.split(separator: "\n").filter { !$0.contains("status=200") }
                .prefix(20).joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    /// What the upstreams saw.
    func audit() throws -> World.Audit {
        let port = Int(translate("sandbox:9090").split(separator: ":")[1]) ?? 0
        let json = try Client.get(port: port, "/sandbox/audit").json
        return World.Audit(
            orders: World.SourceAudit(json["orders"]),
            vouchers: World.SourceAudit(json["vouchers"]))
    }

    /// Ends one as an engine does, and starts it again once it is gone.
    func restart(_ name: String) async throws {
        let replica = replicas[name]
        if let replica { ended.append(replica) }
        replica?.signal(SIGTERM)
        let grace = file.services[name]?.stopGracePeriod.flatMap { Double($0.dropLast()) } ?? 10
        guard try await replica?.exitCode(seconds: grace) == 0 else {
            throw Program.Failure(description: replica?.text ?? "no \(name)")
        }
        try await start(name)
        try await untilUsed()
    }

    /// Starts a replica, and waits until its own health check passes.
    private func start(_ name: String) async throws {
        guard let service = file.services[name] else { return }
        var settings = service.environment.mapValues(translate)
        settings["LISTEN_PORT"] = translate("\(name):8080").split(separator: ":").last.map(
            String.init)
        let replica = try Program(
            service.command[0], Array(service.command.dropFirst()), environment: settings)
        replicas[name] = replica
        _ = try await World.port(of: replica)
        let check = try Program(
            service.healthCheck[0], Array(service.healthCheck.dropFirst()), environment: settings)
        guard try await check.exitCode() == 0 else {
            throw Program.Failure(description: check.text)
        }
    }

    /// Waits until the balancer sends requests to every replica.
    private func untilUsed() async throws {
        // By its own mark, since others also send replicas health checks.
        let mark = UUID().uuidString
        for replica in replicas.values {
            try await eventually("requests at a replica:\n\(balancer.text)") {
                _ = try Client.get(
                    port: port, "/openapi.yaml", fields: ["X-Request-Id: \(mark)"])
                return replica.text.contains(mark)
            }
        }
    }

    private static func translate(_ text: String, _ places: [(name: String, here: String)])
        -> String
    {
        places.reduce(text) { $0.replacingOccurrences(of: $1.name, with: $1.here) }
    }

    /// As the image reads it from its environment; the password is required.
    private static func database(_ file: ComposeFile) async throws -> PostgresCluster {
        guard let service = file.services["database"],
            let user = service.environment["POSTGRES_USER"],
            let password = service.environment["POSTGRES_PASSWORD"],
            let name = service.environment["POSTGRES_DB"]
        else { throw Client.Failure(description: "no database in compose.yaml") }
        let cluster = try PostgresCluster()
        let session = try SQLSession(cluster.url(database: "postgres"))
        try session.query("CREATE ROLE \(user) SUPERUSER LOGIN PASSWORD '\(password)'")
        try session.query("CREATE DATABASE \(name) OWNER \(user)")
        let rules =
            "(VALUES ('host all \(user) 127.0.0.1/32 scram-sha-256'), ('local all all trust'),"
            + " ('host all all 127.0.0.1/32 trust'))"
        try session.query("COPY \(rules) TO '\(cluster.data)/pg_hba.conf'")
        try session.query("SELECT pg_reload_conf()")
        let check = service.healthCheck
        _ = try await Tool.run(check[0], check.dropFirst() + ["-p", "\(cluster.port)"])
        return cluster
    }
}
