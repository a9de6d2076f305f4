// Deployment files: the systemd unit, the Kubernetes manifests, the manual page.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct UnitTests {
    private let unit = "deploy/systemd/status-proxy.service"

    @Test func unitIsRatedBelowTwoOfTen() async throws {
        _ = try await Tool.run(
            "systemd-analyze",
            ["security", "--offline=yes", "--no-pager", "--threshold=20", Project.path(unit)])
    }

    @Test func unitIsValidWhereTheProgramIsInstalled() async throws {
        let folder = try TemporaryFolder()
        let program = Program.folder.appendingPathComponent("status-proxy").path
        let text = try Project.text(unit).replacingOccurrences(
            of: "/usr/bin/status-proxy", with: program)
        let file = try folder.write(text, to: "status-proxy.service")
        let said = try await Tool.run("systemd-analyze", ["verify", "--man=no", file])
        expectEqual(said, "")
    }

    @Test func unitsStopTimeoutExceedsTheShutdownTimeout() throws {
        let lines = try Project.text(unit).split(separator: "\n")
        let seconds = lines.first { $0.hasPrefix("TimeoutStopSec=") }?.filter(\.isNumber)
        #expect(Int(seconds ?? "") ?? 0 > 25, "SHUTDOWN_TIMEOUT unless it is set")
        #expect(lines.contains("Type=notify") && lines.contains { $0.hasPrefix("WatchdogSec=") })
    }
}

@Suite(.blocking) struct KubernetesTests {
    private static let folder = "deploy/kubernetes"
    private static let files = [
        "deployment.yaml", "networkpolicy.yaml", "poddisruptionbudget.yaml", "podmonitor.yaml",
        "service.yaml",
    ]

    private func read(_ file: String) throws -> JSONValue {
        try YAMLReader.read(Project.text("\(Self.folder)/\(file)"))
    }

    @Test func everyManifestKeepsItsSchema() async throws {
        let validator = try Prerequisite.program(
            "kubernetes-validate", in: [Project.path(".build-tools/bin")])
        let paths = Self.files.map { Project.path("\(Self.folder)/\($0)") }
        let program = try Program(validator, ["--strict"] + paths)
        try await expectEqual(program.exitCode(), 0, "\(program.text)")
        // There is no schema for the Prometheus operator's resources.
        expectEqual(program.text.components(separatedBy: " passed for ").count, paths.count)
    }

    @Test func everyManifestIsPartOfTheBaseAndMeansTheSamePods() throws {
        let base = try read("kustomization.yaml")
        expectEqual(base["resources"]?.array?.compactMap(\.string).sorted(), Self.files)
        let deployment = try read("deployment.yaml")
        let labels = deployment["spec"]?["template"]?["metadata"]?["labels"]
        #expect(labels != nil)
        for (file, member) in [
            ("deployment.yaml", "selector"), ("networkpolicy.yaml", "podSelector"),
            ("poddisruptionbudget.yaml", "selector"), ("podmonitor.yaml", "selector"),
        ] {
            try expectEqual(read(file)["spec"]?[member]?["matchLabels"], labels, "\(file)")
        }
        try expectEqual(read("service.yaml")["spec"]?["selector"], labels)
    }

    @Test func podIsProbedByExistingRoutesAndDrained() async throws {
        let pod = try #require(try read("deployment.yaml")["spec"]?["template"]?["spec"])
        expectEqual(pod["enableServiceLinks"], .bool(false))
        let container = try #require(pod["containers"]?.array?.first)
        let world = try await World()
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let path = try #require(container[probe]?["httpGet"]?["path"]?.string)
            try expectEqual(world.get(path).status, 200, "\(probe)")
        }
        let settings = try settings()
        let grace = Int(pod["terminationGracePeriodSeconds"]?.integer ?? 0)
        let shutdown = Int(settings["SHUTDOWN_TIMEOUT"]?.dropLast() ?? "") ?? .max
        let drain = Int(settings["DRAIN_DELAY"]?.dropLast() ?? "") ?? 0
        #expect(grace > shutdown && shutdown > drain && drain > 0)
    }

    @Test func programAcceptsTheSettingsWithSecretsInFiles() async throws {
        let folder = try TemporaryFolder()
        _ = try folder.write(
            #"{"STORE_URL":"postgresql://status_proxy@database/status_proxy"}"#, to: "settings.json"
        )
        let settings = try settings().mapValues {
            $0.replacingOccurrences(of: "/run/secrets/status-proxy", with: folder.url.path)
        }
        for path in settings.filter({ $0.key.hasSuffix("_FILE") && $0.key != "CONFIG_FILE" }).values
        {
            try "secret".write(toFile: path, atomically: true, encoding: .utf8)
        }
        let check = try Program("status-proxy", ["check"], environment: settings)
        try await expectEqual(check.exitCode(), 0, "\(check.text)")
        #expect(check.text.contains("STORE_URL=postgresql://"))
    }

    /// What the base generates as a ConfigMap.
    private func settings() throws -> [String: String] {
        let generator = try read("kustomization.yaml")["configMapGenerator"]?.array?.first
        let pairs = (generator?["literals"]?.array ?? []).compactMap(\.string).map {
            $0.split(separator: "=", maxSplits: 1).map(String.init)
        }
        return Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) })
    }
}

@Suite(.blocking) struct ManualTests {
    /// The page is generated with the package.
    @Test func manualPageHasEveryCommandAndOptionAndReadsWell() async throws {
        let program = Program.folder.appendingPathComponent("status-proxy").path
        let page = try await Tool.run(
            "python3", [Project.path("scripts/manual"), program, "1.0.0"])
        let folder = try TemporaryFolder()
        let file = try folder.write(page, to: "status-proxy.1")
        let warnings = try await Tool.run("groff", ["-man", "-ww", "-z", "-Tutf8", file])
        expectEqual(warnings, "")
        let shown = page.replacingOccurrences(of: "\\-", with: "-")
        for command in ["serve", "check", "get", "sources", "explain", "healthcheck", "audit"] {
            #expect(shown.contains("status-proxy \(command)"), "\(command)")
        }
        for option in ["--help", "--version", "--connect", "--wait", "--source", "--json", "--url"]
        {
            #expect(shown.contains("\(option)"), "\(option)")
        }
    }
}
