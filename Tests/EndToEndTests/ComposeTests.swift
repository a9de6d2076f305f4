// Runs what compose.yaml describes without an engine, on the loopback address, unchanged except for
// addresses and paths.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .serialized, .timeLimit(.minutes(10)))
struct ComposeTests {
    @Test func replicasAcceptTheirSettings() async throws {
        let file = try ComposeFile()
        #expect(file.replicas.count >= 2)
        for name in file.replicas {
            let replica = try #require(file.services[name])
            expectEqual(replica.command, ["status-proxy", "serve"])
            let check = try Program("status-proxy", ["check"], environment: replica.environment)
            try await expectEqual(check.exitCode(), 0, "\(check.text)")
            #expect(check.text.contains("STORE_URL=postgresql://"), "\(check.text)")
        }
    }

    /// Concurrent builds of one image by several services conflict.
    @Test func oneServiceBuildsTheImageForAll() throws {
        let ours = try ComposeFile().services.values.filter { $0.image == "status-proxy" }
        expectEqual(ours.count, 3)
        expectEqual(ours.count { $0.isBuilt }, 1)
    }

    @Test func balancerAcceptsItsConfiguration() async throws {
        let file = try ComposeFile()
        let balancer = try #require(file.services["haproxy"])
        expectEqual(
            balancer.volumes,
            [
                "./deploy/compose/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro"
            ])
        let path = Project.path("deploy/compose/haproxy.cfg")
        _ = try await Tool.run("haproxy", ["-c", "-f", path])
        let lines = try Project.text("deploy/compose/haproxy.cfg").split(separator: "\n")
        let servers = lines.compactMap { line -> String? in
            let words = line.split(separator: " ")
            return words.first == "server" ? String(words[2]) : nil
        }
        expectEqual(servers.sorted(), file.replicas.map { "\($0):8080" })
    }

    @Test func publishedPortsAreThoseOfThePrograms() throws {
        let file = try ComposeFile()
        expectEqual(file.services["haproxy"]?.ports, ["127.0.0.1:8080:8080"])
        #expect(try Project.text("deploy/compose/haproxy.cfg").contains("bind :8080\n"))
        expectEqual(file.services["sandbox"]?.ports, ["127.0.0.1:9090:9090"])
        // Only the balancer and the sandbox can be reached from outside.
        let published = file.services.filter { !$0.value.ports.isEmpty }.keys
        expectEqual(published.sorted(), ["haproxy", "sandbox"])
    }

    @Test func theSameCurlLinesWork() async throws {
        let composition = try await Composition()
        let header = try Project.text("compose.yaml").split(separator: "\n")
            .filter { $0.hasPrefix("#   curl ") }
            .map { line in String(line.dropFirst(4)) }
        let lines = try Page("README.md").examples.map(\.command) + header
        #expect(lines.count >= 5, "\(lines)")
        for line in lines {
            let shell = try Program("/bin/sh", ["-c", composition.translate(line)])
            try await expectEqual(shell.exitCode(), 0, "\(line): \(shell.text)")
            if line.hasPrefix("curl -i ") {
                let context = "\(line): \(shell.text)\n\(composition.balancerText)"
                #expect(shell.text.contains("HTTP/1.1 200 OK\r\n"), "\(context)")
                #expect(shell.text.contains("\"source\":"), "\(context)")
            } else if line.contains("/audit") {
                #expect(shell.text.contains("\"smallest_gap_seconds\""), "\(line): \(shell.text)")
            } else {
                #expect(shell.text.contains("as vouchers answered at"), "\(line): \(shell.text)")
            }
        }
    }

    @Test func recreatedReplicaLosesNoRequest() async throws {
        let composition = try await Composition()
        let traffic = Traffic(
            port: composition.port, "/actions/\(DemoID.pendingVoucher)", callers: 6,
            every: .milliseconds(5))
        try await traffic.untilAnswered(200)
        for name in composition.file.replicas { try await composition.restart(name) }
        let crowd = await traffic.stop()
        expectEqual(crowd.failures, 0)
        expectEqual(Set(crowd.statuses.keys), [200], "\(crowd)\n\(composition.replicaText)")
        let audit = try composition.audit()
        if let gap = audit.vouchers.smallestGap { #expect(gap >= 5) }
    }
}
