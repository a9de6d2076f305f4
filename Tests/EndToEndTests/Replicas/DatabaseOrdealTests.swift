// Each way in which a real database can be of no use, under running replicas: the same is expected of
// all of them.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(10)))
struct DatabaseOrdealTests {
    private static let interval = 2.0
    private static let path = "/actions/\(DemoID.pendingVoucher)"

    @Test(arguments: DatabaseTrouble.allCases)
    func troubleStopsCallsAndNothingElse(_ trouble: DatabaseTrouble) async throws {
        let database = try await TroubledDatabase(trouble, replicas: 2)
        let fleet = database.fleet
        let processes = fleet.replicas.map(\.identifier)
        for index in 0..<2 { #expect(try fleet.get(index, Self.path).status == 200) }
        try database.inflict()
        for index in 0..<2 {
            try await eventually("replica \(index) is not warned: \(fleet.replicas[index].text)") {
                #expect(try fleet.get(index, Self.path).status == 200)
                return try fleet.isWarned(index)
            }
        }

        // A call that was granted before may still be on its way.
        try await Task.sleep(for: .milliseconds(200))
        let calls = try fleet.audit().vouchers.calls
        try await expectAnswersAtOnce(fleet)
        #expect(try fleet.audit().vouchers.calls == calls)
        for index in 0..<2 { try expectToBeTold(trouble, fleet, index) }

        try database.end()
        if trouble.isLossOfThePast {
            // Who was told to wait does so by a clock that the test does not move.
            try database.letThePastNotMatterAnyMore()
            fleet.replicas[0].signal(SIGKILL)
            try await fleet.restart(0)
        }
        try await eventually("no call again") {
            for index in 0..<2 { _ = try fleet.get(index, Self.path) }
            return try fleet.audit().vouchers.calls > calls
        }
        for index in 0..<2 {
            try await eventually("not up") { try fleet.metric(index, "store_up") == 1 }
            if trouble.isLossOfThePast { continue }
            try await eventually("still warned") {
                _ = try fleet.get(index, Self.path)
                return try !fleet.isWarned(index)
            }
            #expect(fleet.replicas[index].identifier == processes[index])
        }
        if let gap = try fleet.audit().vouchers.smallestGap { #expect(gap >= Self.interval) }
    }

    /// Polls both for longer than the interval: what is asked for would be due.
    private func expectAnswersAtOnce(_ fleet: Fleet) async throws {
        let ports = fleet.ports
        async let one = Pollers.poll(
            port: ports[0], Self.path, callers: 4, every: .milliseconds(20), for: .seconds(3))
        async let two = Pollers.poll(
            port: ports[1], Self.path, callers: 4, every: .milliseconds(20), for: .seconds(3))
        for crowd in [await one, await two] {
            #expect(crowd.failures == 0)
            #expect(Set(crowd.statuses.keys) == [200], "\(crowd.statuses)")
            // Who waits for the database waits two seconds.
            let isAtOnce = crowd.isServedAtOnce(
                callers: 4, for: .seconds(3), notAfter: .seconds(2))
            #expect(isAtOnce, "\(crowd.requests) requests, \(crowd.slowest)")
        }
    }

    /// Health, metrics and log of one replica.
    private func expectToBeTold(
        _ trouble: DatabaseTrouble, _ fleet: Fleet, _ index: Int
    ) throws {
        #expect(try fleet.isWarned(index))
        #expect(try fleet.get(index, "/livez").status == 200)
        let unknown = try fleet.get(index, "/actions/aa_00000000000000beef")
        #expect(unknown.status == 503 && unknown["retry-after"] != nil)
        #expect(try fleet.metric(index, "store_up") == (trouble.isLossOfThePast ? 1 : 0))
        if !trouble.isLossOfThePast {
            #expect(try #require(try fleet.metric(index, "store_losses_total")) >= 1)
        }
        let lines = fleet.replicas[index].text.split(separator: "\n")
            .filter { $0.contains("\"message\":\"store") }
        #expect(lines.contains { $0.contains(trouble.words) }, "\(lines)")
        // Once for each change and each look in vain, not for each of hundreds of requests.
        #expect(lines.count < 30, "\(lines)")
    }

    /// All of it in real time: the longest that a loss can stop calls.
    @Test func aWipedDatabaseIsWellAgainByItself() async throws {
        let database = try await TroubledDatabase(.wiped, replicas: 1)
        let fleet = database.fleet
        #expect(try fleet.get(0, Self.path).status == 200)
        try database.inflict()
        try await eventually("warned") {
            _ = try fleet.get(0, Self.path)
            return try fleet.isWarned(0)
        }
        let calls = try fleet.audit().vouchers.calls
        try await eventually("it does not say how long") {
            let reply = try fleet.get(0, "/actions/aa_00000000000000beef")
            return reply.status == 503 && reply["retry-after"].flatMap { Int($0) } ?? 0 > 30
        }
        try await eventually("no call again", within: .seconds(120)) {
            #expect(try fleet.get(0, Self.path).status == 200)
            return try fleet.audit().vouchers.calls > calls
        }
        try await eventually("still warned") { try !fleet.isWarned(0) }
        #expect(try #require(try fleet.audit().vouchers.smallestGap) >= Self.interval)
    }
}
