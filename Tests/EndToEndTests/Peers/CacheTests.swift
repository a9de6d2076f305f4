// Shared caches in front of the service: how long they keep an answer, and for whom.

import Foundation
import StatusCore
import TestSupport
import Testing

/// A cache that gets the requests instead of the service.
private struct CacheInFront {
    let name: String
    let port: Int
    /// Ends with this value.
    private let program: AnyObject

    /// nginx and HAProxy ignore Age; Apache and Varnish subtract it (RFC 9111 4.2.3).
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

/// One answer through a cache. The machine may stall at any moment, so the checks use the latest time
/// of the request and the earliest time of the answer.
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

    /// Each request has an id: two answers with one id are one.
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
            // The remaining time, not the whole interval.
            let rest = try answer.nextCheck().timeIntervalSince(answer.askedAt)
            #expect(answer.maxAge < rest + 1, "\(front.name)")
            kept.append((front, answer))
        }
        // Until each cache asks the service again, once `max-age` is over.
        try await eventually("newer answers") {
            try kept.removeAll { front, answer in
                var client = try Client(port: front.port)
                let next = try Passage(&client, Self.path)
                guard next.name == answer.name else { return true }
                // Caches count whole seconds from the answer's arrival.
                let end = answer.hadAt + answer.maxAge + 1
                #expect(next.askedAt < end, "\(front.name) keeps it too long")
                return false
            }
            return kept.isEmpty
        }
    }

    /// The first answer that is returned twice. On one connection, since Apache stores an answer after
    /// sending it.
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

    /// So that the answers the caches get have an age above zero.
    private func untilHalfAsOldAsItMayBe(_ world: World) async throws {
        try await eventually("the middle of the interval") {
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
                expectEqual(own.status, path.contains(DemoID.missingOrder) ? 404 : 200)
                try expectEqual(Client.get(port: front.port, path).status, 401, "\(front.name)")
            }
        }
    }
}
