// Tests the table of ids: each behaves as its upstream documents, or fails as its name says.

import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import UpstreamSandbox

@Suite struct StageTests {
    @Test func idsAreUniqueWithinTheirUpstream() {
        let keys = Stage.scenes.map { "\($0.source) \($0.id)" }
        expectEqual(Set(keys).count, keys.count)
    }

    /// Numbers that people and other tests know; both upstreams fail in the same way for them.
    @Test func noDocumentedNumberIsLost() {
        let troubles: [Int] =
            [
                302, 400, 401, 402, 403, 404, 1404, 2404, 429, 1429, 2429, 500, 1500, 2500, 502,
                503, 504, 1000, 2000, 3000, 4000, 5000, 6000,
            ] + Self.numbers(30...38)
        let orders: [Int] = troubles + Self.numbers(0...7)
        let vouchers: [Int] =
            troubles + Self.numbers(0...4) + Self.numbers(10...18) + Self.numbers(20...24)
        for number in orders { #expect(Stage.scene(.orders, SceneID.orders(number)) != nil) }
        for number in vouchers {
            #expect(Stage.scene(.vouchers, SceneID.vouchers(number)) != nil, "\(number)")
        }
    }

    private static func numbers(_ variants: ClosedRange<Int>) -> [Int] {
        variants.map { $0 * 1000 + 200 }
    }

    @Test(arguments: Stage.scenes.map { Played($0) })
    func normalIDsShowAnActionOfTheirUpstream(_ played: Played) throws {
        guard played.number % 1000 == 200, played.number < 30_000 else { return }
        let body = try JSONReader.read(try #require(played.response).body)
        guard played.scene.source == .orders else {
            #expect(body["id"] != nil || body["status"] != nil)
            return
        }
        expectEqual(body["id"]?.string, played.scene.id)
        #expect(body["status"]?.string != nil)
        for name in ["created_at", "updated_at"] {
            #expect(RFC3339.parse(try #require(body[name]?.string)) != nil)
        }
        for error in body["errors"]?.array ?? [] {
            #expect(error["code"]?.string != nil && error["message"]?.string != nil)
        }
    }

    @Test(arguments: Stage.scenes.map { Played($0) })
    func lastThreeDigitsAreTheStatus(_ played: Played) {
        guard played.number > 0, !played.isStray else { return }
        let status = played.number % 1000
        switch played.reaction.deed {
        case .answer(let response):
            let expected = status == 0 || played.number == 38200 ? [200, 404] : [status]
            #expect(expected.contains(response.status))
        default: expectEqual(status, 0)
        }
    }

    @Test(arguments: [API.orders, .vouchers])
    func unknownIDIsInNoScene(_ source: API) {
        #expect(Stage.scene(source, "nobody") == nil)
        #expect(Stage.scene(source, "") == nil)
    }

    @Test(arguments: [
        (API.orders, "00000000-0000-4000-9000-0000000000af", true),
        (.orders, "00000000-0000-4000-9000-0000000000a", false),
        (.orders, "00000000-0000-4000-9000-0000000000ax", false),
        (.orders, "00000000-0000-4000-9000-0000000000AF", false),
        (.vouchers, "aa_face00000000000001", true),
        (.vouchers, "aa_face000000000000011", false),
        (.orders, "aa_face00000000000001", false),
    ])
    func familyTakesItsForm(_ source: API, _ id: String, _ isMember: Bool) {
        expectEqual(Stage.scene(source, id) != nil, isMember)
    }

    @Test(arguments: [API.orders, .vouchers])
    func newbornIsMissingTwiceThenFound(_ source: API) throws {
        let scene = try #require(Stage.scene(source, SceneID.of(source, 38200)))
        let statuses = (1...4).map { look in
            Played(scene, look: look).response?.status
        }
        expectEqual(statuses, [404, 404, 200, 200])
    }

    @Test(arguments: [API.orders, .vouchers])
    func largeAndDeepBodiesBreakTheLimits(_ source: API) throws {
        let large = try #require(Stage.scene(source, SceneID.of(source, 36200)))
        #expect(try #require(Played(large).response).body.count > 8 << 20)
        let deep = try #require(Stage.scene(source, SceneID.of(source, 37200)))
        let body = try #require(Played(deep).response).body
        #expect(throws: JSONFailure.self) { try JSONReader.read(body) }
        let high = JSONLimits(levelsMax: 100)
        #expect(throws: Never.self) { try JSONReader.read(body, limits: high) }
    }

    @Test func helpFitsATerminal() {
        #expect(IDList.text().split(separator: "\n").allSatisfy { $0.count < 80 })
    }

    @Test func idListNamesEveryScene() throws {
        let json = try JSONReader.read(IDList.json())
        expectEqual(json["ids"]?.array?.count, Stage.scenes.count)
    }
}

@Suite struct MovingTests {
    @Test(arguments: [
        (0, "PENDING"), (89_999, "PENDING"), (90_000, "SUCCESS"), (1_000_000, "SUCCESS"),
    ])
    func orderMovesWithTime(_ milliseconds: Int, _ status: String) throws {
        let body = try play(.orders, "1ba5fc4b-c4fd-4251-880b-3052e301bbd4", milliseconds)
        expectEqual(body["status"]?.string, status)
    }

    @Test(arguments: [
        (0, "ENQUEUED", 0), (14_999, "ENQUEUED", 0), (15_000, "IN_PROGRESS", 0),
        (52_500, "IN_PROGRESS", 50), (89_999, "IN_PROGRESS", 99), (90_000, "DONE", 100),
    ])
    func voucherMovesWithTime(_ milliseconds: Int, _ status: String, _ progress: Int64) throws {
        let body = try play(.vouchers, "aa_0adad13d6f057f088e", milliseconds)
        expectEqual(body["status"]?.string, status)
        expectEqual(body["progress"]?.integer, progress)
        expectEqual(body["result"]?["done_count"]?.integer, status == "DONE" ? 1 : nil)
        expectEqual(body["result"]?["failed_count"]?.integer, status == "DONE" ? 1 : nil)
    }

    @Test(arguments: [API.orders, .vouchers])
    func doneActionNeverChanges(_ source: API) throws {
        let id =
            source == .orders ? "1ba5fc4b-c4fd-4251-880b-3052e301bbd4" : "aa_0adad13d6f057f088e"
        try expectEqual(play(source, id, 90_000), play(source, id, 900_000))
    }

    private func play(_ source: API, _ id: String, _ milliseconds: Int) throws -> JSONValue {
        let scene = try #require(Stage.scene(source, id))
        let played = Played(scene, elapsed: .milliseconds(milliseconds))
        return try JSONReader.read(try #require(played.response).body)
    }
}
