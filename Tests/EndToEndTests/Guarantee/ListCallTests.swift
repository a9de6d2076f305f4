// Many voucher actions that are waited for: one call of the list in place of many of their own.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct ListCallTests {
    static let watchers = 40
    static let interval = 2.0

    /// Actions of the sandbox that stay ENQUEUED, and then end.
    static let ids = (0..<watchers).map {
        "aa_fade000000000000" + ($0 < 16 ? "0" : "") + String($0, radix: 16)
    }

    @Test func manyWatchedActionsCostOneListCallAnInterval() async throws {
        let world = try await World(
            ["VOUCHERS_CALLS_PER_MINUTE": "6000", "VOUCHERS_CALLS_PER_DAY": "none"],
            sandbox: ["--pending", "16s"])
        let port = world.port
        let start = ContinuousClock.now
        let statuses = await withTaskGroup(of: String?.self) { group in
            for id in Self.ids {
                group.addTask { await Self.watch(id, port) }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.allSatisfy { $0 == "PARTIALLY_SUCCEEDED" })

        let audit = try world.audit().vouchers
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        #expect(audit.listCalls >= 2 && audit.listCalls <= Int(seconds / Self.interval) + 1)
        #expect(try #require(audit.listSmallestGap) >= Self.interval)
        // The first state, the end, and calls between the first and the list that brings all together.
        // Without the list there would be one for each interval. How many it saves hangs on how far
        // apart a busy machine lets them fall due.
        let own = audit.calls - audit.listCalls
        #expect(own >= 2 * Self.watchers)
        #expect(own < Int(seconds / Self.interval) * Self.watchers)
        #expect(try #require(audit.smallestGap) >= Self.interval)

        let journal = try await world.audited()
        #expect(journal.code == 0)
        #expect(journal.source("vouchers")?["calls"]?.integer == Int64(audit.calls))
    }

    /// Waits for the end; a thread for each, since the client blocks.
    private static func watch(_ id: String, _ port: Int) async -> String? {
        await withCheckedContinuation { done in
            let thread = Thread {
                let reply = try? Client.get(port: port, "/actions/\(id)?wait=50")
                done.resume(returning: reply?.json["status"]?.string)
            }
            thread.stackSize = 256 << 10
            thread.start()
        }
    }
}
