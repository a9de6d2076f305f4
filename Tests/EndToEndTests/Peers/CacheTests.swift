// Shared caches in front of the service: how long they keep an answer, and for whom.

import Foundation
import StatusCore
import TestSupport
import Testing

/// A cache that is asked in place of the service.
private struct CacheInFront {
    let name: String
    let port: Int
    /// Ends with this value.
    private let program: AnyObject

    /// nginx and HAProxy take no notice of Age; Apache and Varnish subtract it, as RFC 9111 4.2.3 has it.
    static func all(_ world: World) async throws -> [CacheInFront] {
        let nginx = try await Nginx(cachingServiceAt: world.port)
        let haproxy = try await HAProxy(servicePorts: [world.port], caches: true)
        let apache = try await Apache(cachingServiceAt: world.port)
        let varnish = try await Varnish(cachingServiceAt: world.port)
        return [
            CacheInFront(name: "nginx", port: nginx.port, program: nginx),
            CacheInFront(name: "HAProxy", port: haproxy.port, program: haproxy),
            CacheInFront(name: "Apache", port: apache.port, program: apache),
            CacheInFront(name: "Varnish", port: varnish.port, program: varnish),
        ]
    }
}

/// One answer that came through a cache. The machine may stand still at any moment: what is judged is
/// bounded by when it was asked for at the latest, and had at the earliest.
private struct Passage {
    let askedAt = Date()
    let reply: Reply
    let hadAt: Date
    let maxAge: Double

    init(_ client: inout Client, _ path: String) throws {
        reply = try client.request(path)
        hadAt = Date()
        let digits = reply["cache-control"]?.drop { !$0.isNumber }.prefix { $0.isNumber }
        maxAge = try #require(digits.flatMap { Double($0) }, "\(reply.fields)")
    }

    /// The service names each request: two answers of one name are one.
    var name: String? { reply["x-request-id"] }

    func nextCheck() throws -> Date {
        let times = ISO8601DateFormatter()
        times.formatOptions.insert(.withFractionalSeconds)
        return try #require(reply.json["next_check_at"]?.string.flatMap(times.date))
    }
}

@Suite(.blocking, .timeLimit(.minutes(10)))
struct CacheTests {
    private static let path = "/actions/\(DemoID.pendingVoucher)"

    @Test func answerIsKeptUntilANewerOneCanExistAndNoLonger() async throws {
        let world = try await World(["VOUCHERS_MIN_INTERVAL": "8s", "VOUCHERS_MAX_INTERVAL": "8s"])
        let fronts = try await CacheInFront.all(world)
        try await untilHalfAsOldAsItMayBe(world)
        var kept: [(front: CacheInFront, answer: Passage)] = []
        for front in fronts {
            let answer = try #require(try Self.kept(by: front), "\(front.name) keeps nothing")
            // What is left, and not the whole interval.
            let rest = try answer.nextCheck().timeIntervalSince(answer.askedAt)
            #expect(answer.maxAge < rest + 1, "\(front.name)")
            kept.append((front, answer))
        }
        // Until each asks the service again: as soon as `max-age` is over.
        try await eventually("newer answers", every: .milliseconds(50)) {
            try kept.removeAll { front, answer in
                var client = try Client(port: front.port)
                let next = try Passage(&client, Self.path)
                guard next.name == answer.name else { return true }
                // Caches count whole seconds, from when they have the answer.
                let end = answer.hadAt + answer.maxAge + 1
                #expect(next.askedAt < end, "\(front.name) keeps it too long")
                return false
            }
            return kept.isEmpty
        }
    }

    /// The first answer that is had twice. On one connection, since Apache keeps an answer behind sending
    /// it.
    private static func kept(by front: CacheInFront) throws -> Passage? {
        var client = try Client(port: front.port)
        var answer = try Passage(&client, path)
        for _ in 0..<100 {
            let next = try Passage(&client, path)
            if next.name == answer.name { return answer }
            answer = next
        }
        return nil
    }

    /// So that the age of what the caches get is not nothing.
    private func untilHalfAsOldAsItMayBe(_ world: World) async throws {
        try await eventually("half an interval", every: .milliseconds(50)) {
            let left = try world.get(Self.path)["retry-after"].flatMap { Int($0) } ?? 0
            return (3...4).contains(left)
        }
    }

    @Test func answerForOneCallerIsNotServedToAnother() async throws {
        let keys = Project.path("Tests/EndToEndTests/Corpus/caller-keys")
        let world = try await World(["CALLER_KEYS_FILE": keys])
        let key = ["Authorization: Bearer key-one"]
        // A hit, a first answer, one that is not found, a batch.
        let paths = [
            Self.path, Self.path, "/actions/aa_000000000000000200",
            "/actions/\(DemoID.missingOrder)", "/actions?id=aa_000000000000000200",
        ]
        _ = try world.get(Self.path, fields: key)
        for front in try await CacheInFront.all(world) {
            for path in paths {
                let own = try Client.get(port: front.port, path, fields: key)
                #expect(own.status == (path.contains(DemoID.missingOrder) ? 404 : 200))
                #expect(try Client.get(port: front.port, path).status == 401, "\(front.name)")
            }
        }
    }
}
