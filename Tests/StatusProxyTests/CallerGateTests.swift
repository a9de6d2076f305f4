// Which callers are admitted, also while the keys change.

import Dispatch
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct CallerGateTests {
    private let now = Instant(nanoseconds: 5_000_000_000)

    /// A file's worth of keys, by name.
    private func keys(_ keys: KeyValuePairs<String, String>) throws -> CallerKeys {
        let lines = keys.map { name, key in "\(name) \(Digests.hexadecimal(of: key))" }
        return try CallerKeys(Array(lines.joined(separator: "\n").utf8), path: "keys")
    }

    private func name(_ gate: CallerGate, _ key: String, shard: Int = 0) -> String? {
        guard case .admitted(let caller) = gate.admit(Array(key.utf8).span, now: now, shard: shard)
        else { return nil }
        return caller.name
    }

    @Test func callerIsKnownByAnyOfItsKeysInEveryShard() throws {
        let gate = CallerGate(
            try keys(["app": "old", "app": "new", "other": "third"]), requestsPerSecond: nil,
            heldMax: 9, shards: 3)
        for shard in 0..<3 {
            expectEqual(name(gate, "old", shard: shard), "app")
            expectEqual(name(gate, "new", shard: shard), "app")
            expectEqual(name(gate, "third", shard: shard), "other")
            #expect(name(gate, "fourth", shard: shard) == nil)
            #expect(name(gate, "", shard: shard) == nil)
        }
    }

    @Test func quotaBelongsToTheNameNotTheKey() throws {
        let gate = CallerGate(
            try keys(["app": "old", "app": "new", "other": "third"]), requestsPerSecond: 2,
            heldMax: 9, shards: 2)
        expectEqual(name(gate, "old", shard: 0), "app")
        expectEqual(name(gate, "new", shard: 1), "app")
        guard
            case .tooMany(let caller, let retryAt) = gate.admit(
                Array("old".utf8).span, now: now, shard: 1)
        else {
            Issue.record("the third request was let in")
            return
        }
        expectEqual(caller.name, "app")
        expectEqual(retryAt, now + .milliseconds(500))
        expectEqual(name(gate, "third"), "other")
    }

    @Test func replacedKeysApplyAtOnceAndQuotasContinue() throws {
        let gate = CallerGate(try keys(["app": "old"]), requestsPerSecond: 1, heldMax: 9, shards: 2)
        expectEqual(name(gate, "old"), "app")
        gate.replace(try keys(["app": "new", "other": "third"]))
        #expect(name(gate, "old") == nil)
        guard case .tooMany = gate.admit(Array("new".utf8).span, now: now, shard: 1) else {
            Issue.record("a new key brought a new quota")
            return
        }
        expectEqual(name(gate, "third", shard: 1), "other")
    }

    private func holder(_ gate: CallerGate, _ key: String) throws -> KeyHolder {
        guard case .admitted(let caller) = gate.admit(Array(key.utf8).span, now: now, shard: 0)
        else { throw ProbeFailure.place(key) }
        return caller
    }

    @Test func placesBelongToTheNameAndOutliveItsKeys() throws {
        let gate = CallerGate(
            try keys(["app": "old", "other": "third"]), requestsPerSecond: nil, heldMax: 2,
            shards: 1)
        let before = try holder(gate, "old")
        #expect(before.hold(questions: 1))
        gate.replace(try keys(["app": "new", "other": "third"]))
        let after = try holder(gate, "new")
        #expect(after.hold(questions: 100))
        #expect(!after.hold(questions: 1))
        #expect(try holder(gate, "third").hold(questions: 1))
        before.letGo(questions: 1)
        #expect(after.hold(questions: 1))
        #expect(!after.hold(questions: 1))
    }

    @Test func requestWithoutQuestionsNeedsNoPlace() {
        let caller = KeyHolder("app", requestsPerSecond: nil, heldMax: 1)
        #expect(caller.hold(questions: 1))
        #expect(caller.hold(questions: 0))
        caller.letGo(questions: 0)
        #expect(!caller.hold(questions: 1))
    }

    /// A batch is one request, but each of its ids takes a place in the tracker.
    @Test func batchesOfOneCallerLeaveHalfOfTheTrackersPlaces() {
        let caller = KeyHolder("app", requestsPerSecond: nil, heldMax: 1_000_000)
        var batches = 0
        while caller.hold(questions: 100) { batches += 1 }
        expectEqual(batches, TrackerPolicy.callersMaxDefault / 200)
    }

    @Test func keysCanBeReplacedUnderTraffic() throws {
        let first = try keys(["app": "always", "app": "one"])
        let second = try keys(["app": "always", "app": "two"])
        let gate = CallerGate(first, requestsPerSecond: 1_000_000, heldMax: 9, shards: 2)
        DispatchQueue.concurrentPerform(iterations: 3) { worker in
            for round in 0..<2000 {
                if worker == 2 {
                    gate.replace(round % 2 == 0 ? second : first)
                } else {
                    expectEqual(name(gate, "always", shard: worker), "app")
                }
            }
        }
    }
}

enum Digests {
    /// In the format of `sha256sum`.
    static func hexadecimal(of key: String) -> String {
        let digest = KeyDigest(of: Array(key.utf8).span)
        return withUnsafeBytes(of: digest) { bytes in
            bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
    }
}
