// Tests the audit's arithmetic: counts, gaps and the busiest minute, computed from arrivals alone.

import StatusCore
import TestSupport
import Testing

@testable import UpstreamSandbox

@Suite struct AuditReportTests {
    @Test func emptyAuditHasNoCalls() {
        let report = AuditReport([], of: .orders)
        #expect(report.calls == 0 && report.lines.isEmpty)
        #expect(report.smallestGap == nil && report.busiestMinuteBegan == nil)
    }

    @Test func gapsAreBetweenCallsOfTheSameID() {
        let report = AuditReport(
            [look("a", 0), look("b", 1000), look("a", 5000), look("b", 5001), look("a", 8000)],
            of: .orders)
        expectEqual(
            report.lines,
            [
                AuditReport.Line(id: "a", calls: 3, smallestGap: .seconds(3)),
                AuditReport.Line(id: "b", calls: 2, smallestGap: .milliseconds(4001)),
            ])
        expectEqual(report.smallestGap, .seconds(3))
        expectEqual(report.calls, 5)
    }

    @Test func sourcesAreCountedSeparately() {
        let arrivals = [look("a", 0), look("a", 1, .vouchers), look("a", 700)]
        expectEqual(AuditReport(arrivals, of: .orders).smallestGap, .milliseconds(700))
        #expect(AuditReport(arrivals, of: .vouchers).smallestGap == nil)
    }

    @Test func tokenFetchesAreNotCalls() {
        let report = AuditReport([arrival(.token, 0), look("a", 20)], of: .orders)
        #expect(report.calls == 1 && report.tokenFetches == 1)
        expectEqual(report.lines.map(\.id), ["a"])
    }

    /// A window is half open: a call 60 s after another is not in the same window.
    @Test(arguments: [
        ([0, 59_999], 2, 0), ([0, 60_000], 1, 0), ([0, 30_000, 60_000, 61_000], 3, 30_000),
        ([0, 1, 2, 100_000, 100_001], 3, 0),
    ])
    func busiestMinuteSlides(_ times: [Int64], _ calls: Int, _ began: Int64) {
        let report = AuditReport(times.map { look("id\($0)", $0) }, of: .orders)
        expectEqual(report.busiestMinute, calls)
        expectEqual(report.busiestMinuteBegan, Instant(nanoseconds: began * 1_000_000))
    }

    @Test func fullAuditKeepsCountingAndIsMarked() throws {
        var audit = Audit(began: Instant(nanoseconds: 0), callsMax: 2)
        for time in [0, 10, 20] { audit.note(look("a", Int64(time))) }
        #expect(audit.arrivals.count == 2 && audit.notKept == 1)
        let json = try JSONReader.read(
            AuditWriter.report(audit, now: Instant(nanoseconds: 1_500_000_000)))
        expectEqual(json["complete"], .bool(false))
        expectEqual(json["calls_not_kept"]?.integer, 1)
        expectEqual(json["seconds"], .number("1.500000"))
        expectEqual(json["orders"]?["smallest_gap_seconds"], .number("0.010000"))
    }

    @Test func arrivalsCanBeAskedForByID() throws {
        var audit = Audit(began: Instant(nanoseconds: 0))
        audit.note(look("a", 1))
        audit.note(look("b", 2))
        audit.note(arrival(.token, 3))
        let one = try JSONReader.read(AuditWriter.arrivals(audit, id: "b"))
        expectEqual(one["calls"]?.array?.map { $0["at"] }, [.number("0.002000")])
        let all = try JSONReader.read(AuditWriter.arrivals(audit, id: nil))
        expectEqual(all["calls"]?.array?.count, 3)
    }

    private func look(
        _ id: String, _ milliseconds: Int64, _ source: API = .orders
    ) -> Audit.Arrival {
        arrival(.look(id: id), milliseconds, source)
    }

    private func arrival(
        _ kind: Audit.Kind, _ milliseconds: Int64, _ source: API = .orders
    ) -> Audit.Arrival {
        Audit.Arrival(
            at: Instant(nanoseconds: milliseconds * 1_000_000), source: source, kind: kind,
            outcome: "200")
    }
}
