// How replicas connect to their database: encrypted, by several hosts, with few rights, all at once.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct DatabaseAddressTests {
    private static let path = "/actions/\(DemoID.pendingVoucher)"

    @Test func certificatesAreCheckedAsTheURLRequires() async throws {
        let (server, other) = (try PostgresCluster(), try PostgresCluster())
        try server.encrypt(address: "127.0.0.1")
        try other.encrypt(address: "127.0.0.9")
        let folder = try TemporaryFolder()
        let roots = try [server, other].map {
            try folder.write(
                String(contentsOfFile: "\($0.data)/server.crt", encoding: .utf8),
                to: "\($0.port).crt")
        }
        func check(
            _ cluster: PostgresCluster, _ options: String, refusal: String? = nil
        ) async throws {
            let fleet = try await Fleet(
                1, storeURL: cluster.url(database: "postgres", options: options))
            guard let refusal else {
                return try await eventually("an answer with \(options)") {
                    try fleet.get(0, Self.path).status == 200
                }
            }
            try await eventually("\(refusal) in the log") {
                fleet.replicas[0].text.contains(refusal)
            }
            try expectEqual(fleet.get(0, Self.path).status, 503)
            #expect(try fleet.get(0, Self.path)["retry-after"] != nil)
        }
        try await check(server, "sslmode=verify-full&sslrootcert=\(roots[0])")
        try await check(server, "sslmode=require")
        try await check(
            server, "sslmode=verify-full&sslrootcert=\(roots[1])",
            refusal: "certificate verify failed")
        try await check(
            other, "sslmode=verify-full&sslrootcert=\(roots[1])", refusal: "127.0.0.9")
        try await check(other, "sslmode=verify-ca&sslrootcert=\(roots[1])")
        try await check(server, "sslmode=disable", refusal: "no pg_hba.conf entry")
    }

    @Test func deadAndStandbyHostsAreSkipped() async throws {
        let primary = try PostgresCluster()
        let standby = try PostgresCluster(copyOf: primary, asStandby: true)
        try standby.start()
        let dead = try LoopbackAddress.freePort()
        let hosts = [dead, standby.port, primary.port].map { "127.0.0.1:\($0)" }
        let choices = ["", "?target_session_attrs=read-write", "?target_session_attrs=primary"]
        let databases = choices.indices.map { "d\($0)" }
        let session = try SQLSession(primary.url(database: "postgres"))
        for database in databases { try session.query("CREATE DATABASE \(database)") }
        try await eventually("the databases at the standby") {
            try SQLSession(standby.url(database: "postgres")).value(
                "SELECT count(*) FROM pg_database WHERE datname LIKE 'd_'") == "3"
        }
        for (database, options) in zip(databases, choices) {
            let url = "postgresql://postgres@\(hosts.joined(separator: ","))/\(database)\(options)"
            try await expectPrimary(of: primary, standby, url)
        }
    }

    private func expectPrimary(
        of primary: PostgresCluster, _ standby: PostgresCluster, _ url: String
    ) async throws {
        let fleet = try await Fleet(2, storeURL: url)
        try await fleet.awaitAnswers(Self.path)
        let connected = """
            SELECT count(*) FROM pg_stat_activity WHERE application_name = 'status-proxy'
            """
        // A closed connection is listed until its backend has ended: those of replicas just killed, and at
        // the standby those of the attempts.
        try await eventually("two connections each, to the primary only") {
            try SQLSession(primary.url(database: "postgres")).value(connected) == "4"
                && SQLSession(standby.url(database: "postgres")).value(connected) == "0"
        }
        try Self.expectOneCallForAll(fleet)
    }

    /// Or more, if an interval has passed meanwhile.
    private static func expectOneCallForAll(_ fleet: Fleet) throws {
        let seen = try fleet.audit().vouchers
        #expect(seen.calls == 1 || seen.smallestGap ?? 0 >= 2)
    }

    /// The instructions of docs/replicas.md, to the letter.
    @Test func aRoleWithoutRightsToCreateWorksOnceTheOwnerHasMadeTheSchema() async throws {
        let cluster = try PostgresCluster()
        let owner = try SQLSession(cluster.url(database: "postgres"))
        try owner.query("CREATE ROLE app LOGIN")
        let fleet = try await Fleet(2, storeURL: cluster.url(user: "app", database: "postgres"))
        for index in 0..<2 {
            try expectEqual(fleet.get(index, "/readyz").status, 503)
            try await eventually("the advice in the log") {
                fleet.replicas[index].text.contains("have the database's owner run")
            }
            try expectEqual(fleet.get(index, Self.path).status, 503)
        }

        let command = "psql --single-transaction --file Sources/CPostgres/schema.sql"
        let page = try Page("docs/replicas.md")
        #expect(page.text.contains("`\(command)`"))
        let shell = try Program(
            "/bin/sh", ["-c", command],
            environment: [
                "PGHOST": "127.0.0.1", "PGPORT": "\(cluster.port)", "PGUSER": "postgres",
                "PGDATABASE": "postgres",
            ], directory: Project.folder)
        try await expectEqual(shell.exitCode(), 0)
        #expect(!shell.text.contains("ERROR"), "\(shell.text)")
        let grants = try page.block("sql", below: "Setting up the database")
        #expect(grants.count == 2 && grants.allSatisfy { $0.hasPrefix("GRANT ") })
        for grant in grants { try owner.query(grant) }

        // Without a restart.
        try await fleet.awaitAnswers(Self.path)
        for index in 0..<2 {
            try await eventually("health") { try fleet.isWell(index) }
        }
        try Self.expectOneCallForAll(fleet)
        try await eventually("a second call") {
            try fleet.get(0, Self.path).status == 200 && fleet.audit().vouchers.calls > 1
        }
        try expectEqual(owner.value("SELECT count(*) > 1 FROM status_proxy.calls"), "t")
    }

    @Test func replicasThatStartTogetherCreateTheSchemaOnce() async throws {
        // The server logs each statement.
        let server = try PostgresCluster(["log_statement=all"])
        let url = try Fleet.newDatabase(on: server)
        let session = try SQLSession(url)
        let fleet = try await Fleet(5, storeURL: url)
        try await fleet.awaitAnswers(Self.path)
        for index in 0..<5 {
            try await eventually("health of replica \(index)") { try fleet.isWell(index) }
        }
        try expectEqual(session.value("SELECT count(*) FROM status_proxy.meta"), "1")
        try expectEqual(session.value("SELECT version FROM status_proxy.schema_version"), "1")
        #expect(server.log.contains("statement: -- The shared store's schema"))
        // Each works with it: whichever gets the request makes the next call.
        for index in 0..<5 {
            let calls = try fleet.calls(by: index)
            try await eventually("a call by replica \(index)") {
                try fleet.get(index, Self.path).status == 200 && fleet.calls(by: index) > calls
            }
        }
        #expect(try #require(try fleet.audit().vouchers.smallestGap) >= 2)
    }
}
