// A sandbox and a proxy in front of it, with a store of their own, for one test.

import Foundation
import StatusCore
import TestSupport

/// Both programs, running on free ports of the loopback address.
final class World {
    let folder: URL
    let sandbox: Program
    let sandboxPort: Int
    private(set) var proxy: Program
    private(set) var port: Int
    private(set) var settings: [String: String]

    /// Intervals are scaled to seconds. `settings` are added to the usual ones or replace them, and so
    /// are those of further `sources`, from the sandbox's port.
    init(
        _ settings: [String: String] = [:], sandbox flags: [String] = [],
        sources: (Int) -> [String: String] = { _ in [:] }
    ) async throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("status-proxy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        sandbox = try Program(
            "upstream-sandbox", ["--port", "0", "--calls-per-minute", "0"] + flags)
        sandboxPort = try await Self.port(of: sandbox)
        self.settings = Self.usual(sandboxPort: sandboxPort)
            .merging(sources(sandboxPort)) { _, new in new }.merging(settings) { _, new in new }
        proxy = try Program("status-proxy", environment: self.settings, directory: folder)
        port = try await Self.port(of: proxy)
    }

    deinit {
        proxy.signal(SIGKILL)
        sandbox.signal(SIGKILL)
        try? FileManager.default.removeItem(at: folder)
    }

    /// The settings of a proxy in front of that sandbox.
    static func usual(sandboxPort: Int) -> [String: String] {
        [
            "LISTEN_PORT": "0",
            "ORDERS_URL": "http://127.0.0.1:\(sandboxPort)/api",
            "ORDERS_TOKEN_URL": "http://127.0.0.1:\(sandboxPort)/oauth/token",
            "ORDERS_CLIENT_ID": "sandbox-client",
            "ORDERS_CLIENT_SECRET": "sandbox-secret",
            "ORDERS_MIN_INTERVAL": "2s", "ORDERS_MAX_INTERVAL": "2s", "ORDERS_TIMEOUT": "4s",
            "VOUCHERS_URL": "http://127.0.0.1:\(sandboxPort)",
            "VOUCHERS_APP_ID": "sandbox-app",
            "VOUCHERS_APP_TOKEN": "sandbox-app-token",
            "VOUCHERS_MIN_INTERVAL": "2s", "VOUCHERS_MAX_INTERVAL": "2s",
            "VOUCHERS_TIMEOUT": "4s", "VOUCHERS_CALLS_PER_MINUTE": "600",
        ]
    }

    /// Both programs say where they listen.
    static func port(of program: Program, host: String = "127.0.0.1") async throws -> Int {
        try await program.wait(for: "address") { text in
            guard let range = text.range(of: "http://\(host):") else { return nil }
            let digits = text[range.upperBound...].prefix { $0.isNumber }
            // More must follow, or the number may be incomplete.
            guard digits.endIndex < text.endIndex else { return nil }
            return Int(digits)
        }
    }

    /// Starts the proxy again on the same store after it was ended.
    func restartProxy() async throws {
        proxy = try Program("status-proxy", environment: settings, directory: folder)
        port = try await Self.port(of: proxy)
    }

    /// For the next start.
    func change(_ settings: [String: String]) {
        self.settings.merge(settings) { _, new in new }
    }

    /// Ends the proxy with SIGKILL and waits until it is gone.
    func killProxy() async throws {
        proxy.signal(SIGKILL)
        _ = try await proxy.exitCode()
    }

    /// Where the proxy keeps its store, unless the settings say otherwise.
    var storePath: String { folder.path + "/status-proxy.sqlite" }

    // MARK: Requests

    func get(_ path: String, method: String = "GET", fields: [String] = []) throws -> Reply {
        try Client.get(port: port, path, method: method, fields: fields)
    }

    /// Makes both upstreams know that id. The first answer waits only 250 ms for the other, which a
    /// busy machine can exceed.
    func askUntilAmbiguous(_ id: String = "known-to-both") async throws {
        try await eventually("answers of both upstreams for \(id)") {
            try get("/actions/\(id)").status == 409
        }
    }

    func setFault(_ source: String, _ fault: String) throws {
        let reply = try Client.get(
            port: sandboxPort, "/sandbox/faults/\(source)", method: "PUT",
            fields: ["Content-Type: application/json"], body: fault)
        guard reply.status < 300 else {
            throw Client.Failure(description: "fault refused: \(reply.text)")
        }
    }

    /// A figure without labels, as `/metrics` has it.
    func figure(_ name: String) throws -> Int {
        let lines = try get("/metrics").text.split(separator: "\n")
        let line = lines.first { $0.hasPrefix("status_proxy_\(name) ") }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
    }

    // MARK: The audit

    struct Audit {
        var orders: SourceAudit
        var vouchers: SourceAudit
    }

    struct SourceAudit {
        var calls: Int
        var tokenFetches: Int
        /// Seconds between two calls of one id; nil with fewer than two.
        var smallestGap: Double?
        var callsByID: [String: Int]

        init(_ json: JSONValue?) {
            calls = Int(json?["calls"]?.integer ?? -1)
            tokenFetches = Int(json?["token_fetches"]?.integer ?? -1)
            if case .number(let text)? = json?["smallest_gap_seconds"] {
                smallestGap = Double(text)
            }
            callsByID = [:]
            for row in json?["ids"]?.array ?? [] {
                callsByID[row["id"]?.string ?? ""] = Int(row["calls"]?.integer ?? -1)
            }
        }
    }

    /// The calls that an account's upstreams received, by API.
    func audit(account: Int) throws -> JSONValue {
        let prefix = account == 0 ? "" : "/accounts/\(account)"
        return try Client.get(port: sandboxPort, "\(prefix)/sandbox/audit").json
    }

    /// How many calls for that id arrived at all APIs of the first two accounts.
    func calls(of id: String) throws -> Int {
        try ["", "/accounts/1"].reduce(0) { sum, prefix in
            let path = "\(prefix)/sandbox/audit/calls?id=\(id)"
            let reply = try Client.get(port: sandboxPort, path)
            return sum + (reply.json["calls"]?.array?.count ?? 0)
        }
    }

    /// The calls that the upstreams received.
    func audit() throws -> Audit {
        let json = try Client.get(port: sandboxPort, "/sandbox/audit").json
        return Audit(orders: SourceAudit(json["orders"]), vouchers: SourceAudit(json["vouchers"]))
    }
}

/// The ids of the sandbox that these tests use most.
enum DemoID {
    static let order = "1ba5fc4b-c4fd-4251-880b-3052e301bbd4"
    static let voucher = "aa_0adad13d6f057f088e"
    static let pendingOrder = "00000000-0000-4000-8000-000000002200"
    static let pendingVoucher = "aa_000000000000002200"
    static let missingOrder = "00000000-0000-4000-8000-000000000404"
    static let failedImport = "00000000-0000-4000-8000-000000001200"
    static let finishedVoucher = "aa_000000000000000200"
}
