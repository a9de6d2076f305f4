// `status-proxy check --connect`: the store, the connections and the tokens that it tries, and its JSON.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct CheckTests {
    private func check(
        _ world: World, _ changes: [String: String] = [:], _ flags: [String] = ["--connect"]
    ) async throws -> (code: Int32, lines: [String]) {
        let program = try Program(
            "status-proxy", ["check"] + flags,
            environment: world.settings.merging(changes) { _, new in new },
            directory: world.folder)
        let code = try await program.exitCode()
        return (code, program.text.split(separator: "\n").map(String.init))
    }

    /// Expects exit code 1 and one line that says what failed, why, and what to do.
    private func expectFailure(
        _ world: World, _ changes: [String: String], _ line: String, _ words: String...
    ) async throws {
        let (code, lines) = try await check(world, changes)
        expectEqual(code, 1, "\(lines)")
        let failed = lines.filter { $0.contains("FAILED") }
        expectEqual(failed.count, 1, "\(failed)")
        expectEqual(failed.first?.hasPrefix("# FAILED: \(line)"), true, "\(failed)")
        for word in words { expectEqual(failed.first?.contains(word), true, "\(failed)") }
        expectEqual(lines.last, "# valid, but not everything can be reached")
    }

    private func expectNoActionCall(_ world: World) throws {
        let audit = try world.audit()
        #expect(audit.orders.calls == 0 && audit.vouchers.calls == 0)
    }

    // MARK: Reaching

    @Test func allPartsAreReachedWithoutAnActionCall() async throws {
        let world = try await World()
        let (code, lines) = try await check(world)
        expectEqual(code, 0)
        let base = "http://127.0.0.1:\(world.sandboxPort)"
        expectEqual(
            lines.filter { $0.hasPrefix("# ok: ") },
            [
                "# ok: store sqlite:status-proxy.sqlite", "# ok: orders connection \(base)/api",
                "# ok: orders token \(base)/oauth/token", "# ok: vouchers connection \(base)",
            ])
        expectEqual(lines.last, "# valid")
        try expectEqual(world.audit().orders.tokenFetches, 1)
        try expectNoActionCall(world)
        // The running service is not disturbed.
        try expectEqual(world.get("/actions/\(DemoID.order)").status, 200)
    }

    @Test func missingStoreIsNotCreated() async throws {
        let world = try await World()
        let (code, lines) = try await check(world, ["STORE_URL": "sqlite:new.sqlite"])
        expectEqual(code, 0)
        #expect(lines.contains("# ok: store sqlite:new.sqlite, the first start creates it"))
        let files = try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
        #expect(!files.contains { $0.hasPrefix("new") })
    }

    @Test func fileOfAnotherKindIsReported() async throws {
        let world = try await World()
        let file = world.folder.appendingPathComponent("file")
        try "no database, and longer than a header".write(
            to: file, atomically: true, encoding: .utf8)
        try await expectFailure(
            world, ["STORE_URL": "sqlite:\(file.path)"], "store sqlite:\(file.path), ",
            "not a database", "; check STORE_URL")
    }

    @Test func closedPortIsReported() async throws {
        let world = try await World()
        let url = "http://127.0.0.1:\(try LoopbackAddress.freePort())"
        try await expectFailure(
            world, ["VOUCHERS_URL": url], "vouchers connection \(url), CURLE_COULDNT_CONNECT",
            "Connection refused", "; check VOUCHERS_URL, the name service and the firewalls")
        try await expectFailure(
            world, ["ORDERS_TOKEN_URL": url], "orders token \(url), token endpoint: connect-failed",
            "; check ORDERS_TOKEN_URL")
    }

    @Test func refusedCredentialsAreReportedWithoutTheirValue() async throws {
        let world = try await World()
        let folder = try TemporaryFolder()
        let file = try folder.write("hush-hush\n", to: "secret")
        try await expectFailure(
            world, ["ORDERS_CLIENT_SECRET": "", "ORDERS_CLIENT_SECRET_FILE": file],
            "orders token http://", "refused the credentials (HTTP 401, invalid_client)",
            "; check ORDERS_CLIENT_ID and ORDERS_CLIENT_SECRET_FILE")
        try expectNoActionCall(world)
    }

    @Test func silentUpstreamIsReportedAfterItsTimeout() async throws {
        let world = try await World()
        let server = try SilentListener()
        try await expectFailure(
            world, ["VOUCHERS_URL": "https://127.0.0.1:\(server.port)", "VOUCHERS_TIMEOUT": "1s"],
            "vouchers connection https://", "CURLE_OPERATION_TIMEDOUT",
            "or raise VOUCHERS_TIMEOUT")
    }

    @Test func certificatesAreVerified() async throws {
        let world = try await World()
        let folder = try TemporaryFolder()
        let server = try await TLSListener(in: folder)
        let settings = ["VOUCHERS_URL": "https://127.0.0.1:\(server.port)"]
        try await expectFailure(
            world, settings, "vouchers connection https://", "self-signed certificate",
            "set UPSTREAM_CA_FILE")
        let trusted = ["UPSTREAM_CA_FILE": server.certificate]
        let (code, lines) = try await check(world, settings.merging(trusted) { $1 })
        expectEqual(code, 0, "\(lines)")
        #expect(lines.contains("# ok: vouchers connection \(settings["VOUCHERS_URL"] ?? "")"))

        let other = try await TLSListener(in: folder, address: "127.0.0.9")
        try await expectFailure(
            world,
            [
                "VOUCHERS_URL": "https://127.0.0.1:\(other.port)",
                "UPSTREAM_CA_FILE": other.certificate,
            ], "vouchers connection https://", "127.0.0.1", "UPSTREAM_CA_FILE")
        // A server without TLS.
        try await expectFailure(
            world, ["VOUCHERS_URL": "https://127.0.0.1:\(world.sandboxPort)"],
            "vouchers connection https://", "CURLE_SSL_CONNECT_ERROR")
        try expectNoActionCall(world)
    }

    @Test func databaseIsInspectedWithoutAChange() async throws {
        let cluster = try PostgresCluster()
        let owner = try SQLSession(cluster.url(database: "postgres"))
        let world = try await World()
        let url = cluster.url(user: "postgres:hush-hush", database: "postgres")
        let shown = "postgresql://postgres:[secret]@127.0.0.1:\(cluster.port)/postgres"
        var (code, lines) = try await check(world, ["STORE_URL": url])
        expectEqual(code, 0, "\(lines)")
        #expect(lines.contains("# ok: store \(shown), the first start creates it"))
        let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'status_proxy'"
        try expectEqual(owner.value(schemas), "0")

        try owner.query("CREATE ROLE app LOGIN")
        let role = ["STORE_URL": cluster.url(user: "app", database: "postgres")]
        try await expectFailure(
            world, role, "store postgresql://app@", "have the database's owner run schema.sql")
        _ = try await Tool.run(
            "psql",
            [
                "--single-transaction", "--file", Project.path("Sources/CPostgres/schema.sql"),
                cluster.url(database: "postgres"),
            ])
        (code, lines) = try await check(world, ["STORE_URL": url])
        #expect(code == 0 && lines.contains("# ok: store \(shown)"), "\(lines)")
        try owner.query("GRANT USAGE ON SCHEMA status_proxy TO app")
        try owner.query("GRANT SELECT ON ALL TABLES IN SCHEMA status_proxy TO app")
        try await expectFailure(
            world, role, "store postgresql://app@", "grant the role what docs/replicas.md says")
        for grant in try Page("docs/replicas.md").block("sql", below: "Setting up the database") {
            try owner.query(grant)
        }
        try await expectEqual(check(world, role).code, 0)

        try cluster.stop(.immediate)
        try await expectFailure(
            world, ["STORE_URL": url], "store \(shown), ", "Connection refused",
            "; check STORE_URL")
    }

    // MARK: JSON

    @Test func jsonIsOneDocumentWithoutSecrets() async throws {
        let world = try await World()
        let (code, lines) = try await check(
            world, ["ORDERS_CLIENT_SECRET": "hush-hush"], ["--json", "--connect"])
        expectEqual(code, 1)
        #expect(!lines.joined().contains("hush") && !lines.joined().contains("sandbox-app-token"))
        let json = try JSONReader.read(Array(lines.joined().utf8))
        expectEqual(json["holds"], .bool(false))
        let settings = json["settings"]?.array ?? []
        func setting(_ name: String) -> JSONValue? {
            settings.first { $0["name"]?.string == name }
        }
        expectEqual(setting("LISTEN_PORT")?["value"]?.string, "0")
        expectEqual(setting("LISTEN_PORT")?["origin"]?.string, "environment")
        expectEqual(setting("WAIT_MAX")?["origin"]?.string, "default")
        expectEqual(setting("ORDERS_CLIENT_SECRET")?["secret"], .bool(true))
        #expect(setting("ORDERS_CLIENT_SECRET")?["value"] == nil)
        expectEqual(json["sources"]?.array?.map { $0["name"]?.string }, ["orders", "vouchers"])
        let checks = json["checks"]?.array ?? []
        expectEqual(
            checks.map { $0["kind"]?.string }, ["store", "connection", "token", "connection"])
        expectEqual(checks.map { $0["ok"] == .bool(true) }, [true, true, false, true])
        let advice = "check ORDERS_CLIENT_ID and ORDERS_CLIENT_SECRET"
        #expect(checks[2]["source"]?.string == "orders" && checks[2]["advice"]?.string == advice)

        let settingsOnly = try await check(world, [:], ["--json"])
        expectEqual(settingsOnly.code, 0)
        let document = try JSONReader.read(Array(settingsOnly.lines.joined().utf8))
        #expect(document["holds"] == .bool(true) && document["checks"] == nil)
        try expectEqual(world.audit().orders.tokenFetches, 1)
    }
}

/// Accepts connections and never answers.
private final class SilentListener {
    let port: Int
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        port = try LoopbackAddress.freePort()
        var address = LoopbackAddress.of(port: port)
        let code = LoopbackAddress.with(&address) { bind(descriptor, $0, $1) }
        guard code == 0, listen(descriptor, 16) == 0 else {
            throw Client.Failure(description: "listen: \(errno)")
        }
    }

    deinit { close(descriptor) }
}

/// openssl's server with a self-signed certificate of its own.
private final class TLSListener {
    let certificate: String
    let port: Int
    private let program: Program

    init(in folder: TemporaryFolder, address: String = "127.0.0.1") async throws {
        let path = folder.url.appendingPathComponent(address).path
        (certificate, port) = ("\(path).pem", try LoopbackAddress.freePort())
        _ = try await Tool.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "2", "-subj", "/CN=upstream", "-addext", "subjectAltName=IP:\(address)",
                "-keyout", "\(path).key", "-out", certificate,
            ])
        program = try Program(
            Tool.path(of: "openssl"),
            [
                "s_server", "-www", "-accept", "127.0.0.1:\(port)", "-cert", certificate, "-key",
                "\(path).key",
            ])
        try await Tool.untilListening(program, on: port)
    }

    deinit { program.signal(SIGKILL) }
}
