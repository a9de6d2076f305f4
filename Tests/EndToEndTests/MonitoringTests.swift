// Runs Prometheus' own tools on the metrics and the rules, and checks names in rules and dashboard.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct MonitoringTests {
    /// The metrics of a service that has made calls.
    private func metrics() async throws -> String {
        let world = try await World()
        for id in [DemoID.order, DemoID.voucher, DemoID.pendingOrder, DemoID.pendingVoucher] {
            try expectEqual(world.get("/actions/\(id)").status, 200)
        }
        return try world.get("/metrics").text
    }

    @Test func alertRulesAreValidAndFireAsIntended() async throws {
        let promtool = try Tool.path(of: "promtool")
        for arguments in [
            ["check", "rules", Project.path("deploy/prometheus/alerts.yaml")],
            ["test", "rules", Project.path("deploy/prometheus/alerts.test.yaml")],
        ] {
            let program = try Program(promtool, arguments)
            try await expectEqual(program.exitCode(), 0, "\(program.text)")
        }
    }

    @Test func prometheusAcceptsTheMetrics() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(try await metrics(), to: "metrics")
        let promtool = try Tool.path(of: "promtool")
        let program = try Program("/bin/sh", ["-c", "\(promtool) check metrics < '\(file)'"])
        try await expectEqual(program.exitCode(), 0, "\(program.text)")
        expectEqual(program.text, "")
    }

    @Test(arguments: ["deploy/prometheus/alerts.yaml", "deploy/grafana/dashboard.json"])
    func everyMetricThatIsNamedExists(path: String) async throws {
        let families = Set(
            try await metrics().split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
                .compactMap { $0.split(separator: " ").dropFirst(2).first.map(String.init) })
        let names = Set(
            try Project.text(path).matches(of: /(?:status_proxy|process)_[a-z_]+/)
                .map { String($0.0) })
        #expect(names.count > 10)
        for name in names where name != "status_proxy_caller_keys_good" {
            let family = ["_bucket", "_sum", "_count"].reduce(name) {
                $0.hasSuffix($1) && !families.contains($0)
                    ? String($0.dropLast($1.count)) : $0
            }
            #expect(families.contains(family), "\(name)")
        }
    }

    @Test func everyPanelHasAQuery() throws {
        let dashboard = try JSONReader.read(
            Array(Project.text("deploy/grafana/dashboard.json").utf8))
        let panels = try #require(dashboard["panels"]?.array)
        #expect(panels.count > 20)
        for panel in panels {
            let targets = panel["targets"]?.array ?? []
            #expect(!targets.isEmpty && targets.allSatisfy { $0["expr"]?.string != "" })
        }
    }

    @Test func everyQueryOfTheDashboardIsValid() async throws {
        let dashboard = try JSONReader.read(
            Array(Project.text("deploy/grafana/dashboard.json").utf8))
        let questions = (dashboard["panels"]?.array ?? []).flatMap { $0["targets"]?.array ?? [] }
            .compactMap { $0["expr"]?.string }
        var rules = "groups:\n  - name: dashboard\n    rules:\n"
        for (index, question) in questions.enumerated() {
            let text = question.replacingOccurrences(of: "$__rate_interval", with: "5m")
            rules += "      - record: q\(index)\n        expr: '\(text)'\n"
        }
        let folder = try TemporaryFolder()
        let file = try folder.write(rules, to: "dashboard.yaml")
        _ = try await Tool.run("promtool", ["check", "rules", file])
    }
}
