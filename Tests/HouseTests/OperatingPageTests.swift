// Every alert has a section in the runbook, and every section an alert.

import TestSupport
import Testing

struct OperatingPageTests {
    @Test func everyAlertHasItsSection() {
        let alerts = House.text("deploy/prometheus/alerts.yaml").split(separator: "\n")
            .compactMap { $0.firstMatch(of: /- alert: (\w+)/).map { String($0.1) } }
        let sections = House.text("docs/operating.md").split(separator: "\n")
            .compactMap { $0.wholeMatch(of: /### (\w+)/).map { String($0.1) } }
        #expect(!alerts.isEmpty)
        expectEqual(sections, alerts)
    }
}
