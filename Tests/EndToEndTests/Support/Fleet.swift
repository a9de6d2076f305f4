// Several replicas on one database, in front of one sandbox.

import Foundation
import StatusCore
import TestSupport

/// The sandbox, and replicas that are started and ended individually. Each keeps its port.
final class Fleet {
    let sandbox: Program
    let sandboxPort: Int
    private let settings: [String: String]
    private(set) var replicas: [Program] = []
    let ports: [Int]

    /// A database for one fleet, on the shared test server.
    static func newDatabase(on server: PostgresCluster? = nil) throws -> String {
        let server = try server ?? PostgresCluster.shared()
        let name = "f\(UInt32.random(in: .min ... .max))"
        try SQLSession(server.url(database: "postgres")).query("CREATE DATABASE \(name)")
        return server.url(database: name)
    }

    init(
        _ count: Int, storeURL: String, _ settings: [String: String] = [:],
        sandbox flags: [String] = [], sources: (Int) -> [String: String] = { _ in [:] }
    ) async throws {
        sandbox = try Program(
            "upstream-sandbox", ["--port", "0", "--calls-per-minute", "0"] + flags)
        sandboxPort = try await World.port(of: sandbox)
        ports = try (0..<count).map { _ in try LoopbackAddress.freePort() }
        self.settings = World.usual(sandboxPort: sandboxPort)
            .merging(["STORE_URL": storeURL]) { _, new in new }
            .merging(sources(sandboxPort)) { _, new in new }
            .merging(settings) { _, new in new }
        for index in ports.indices { replicas.append(try program(index)) }
        for replica in replicas { _ = try await World.port(of: replica) }
    }

    deinit {
        replicas.forEach { $0.signal(SIGKILL) }
        sandbox.signal(SIGKILL)
    }

    private func program(_ index: Int, _ changes: [String: String] = [:]) throws -> Program {
        let own = changes.merging(["LISTEN_PORT": "\(ports[index])"]) { _, new in new }
        return try Program(
            "status-proxy", environment: settings.merging(own) { _, new in new })
    }

    /// Starts a replica again that has ended.
    func restart(_ index: Int, _ changes: [String: String] = [:]) async throws {
        replicas[index] = try program(index, changes)
        _ = try await World.port(of: replicas[index])
    }

    func get(_ index: Int, _ path: String) throws -> Reply {
        try Client.get(port: ports[index], path)
    }

    /// Waits until each replica has an answer. On a busy machine a database may take longer for a first
    /// one than a request is held.
    func awaitAnswers(_ path: String) async throws {
        for index in ports.indices {
            try await eventually("an answer by replica \(index)") {
                try get(index, path).status == 200
            }
        }
    }

    /// A gauge or a counter of one replica.
    func metric(_ index: Int, _ name: String) throws -> Double? {
        try get(index, "/metrics").text.split(separator: "\n")
            .first { $0.hasPrefix("status_proxy_\(name) ") }
            .flatMap { Double($0.split(separator: " ")[1]) }
    }

    /// How many upstream calls one replica has made itself.
    func calls(by index: Int) throws -> Int {
        try get(index, "/metrics").text.split(separator: "\n")
            .filter { $0.hasPrefix("status_proxy_upstream_calls_total{") }
            .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }.reduce(0, +)
    }

    func isWarned(_ index: Int) throws -> Bool { try health(index) == "warn" }

    func isWell(_ index: Int) throws -> Bool { try health(index) == "pass" }

    /// Nil if it should get no traffic.
    private func health(_ index: Int) throws -> String? {
        let reply = try get(index, "/readyz")
        return reply.status == 200 ? reply.json["status"]?.string : nil
    }

    /// What the upstreams saw.
    func audit() throws -> World.Audit {
        let json = try Client.get(port: sandboxPort, "/sandbox/audit").json
        return World.Audit(
            orders: World.SourceAudit(json["orders"]),
            vouchers: World.SourceAudit(json["vouchers"]))
    }

    /// What `status-proxy audit` finds in the journal of all replicas.
    func audited() async throws -> (code: Int32, text: String) {
        let program = try Program("status-proxy", ["audit"], environment: settings)
        return (try await program.exitCode(), program.text)
    }
}
