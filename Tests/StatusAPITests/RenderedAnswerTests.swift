import HTTPWire
import RawStructuredFieldValues
import StatusCore
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct RenderedAnswerTests {
    private static let path = "/actions/{id}"

    private func response(
        _ answer: Answer, ifMatch: String? = nil, ifNoneMatch: String? = nil,
        for caches: CacheScope = .shared
    ) throws -> Response {
        let response = Written.response(
            answer, ifMatch: ifMatch, ifNoneMatch: ifNoneMatch, clocks: Fixtures.clocks,
            for: caches)
        try expectKept(response, path: Self.path)
        return response
    }

    // MARK: Whole answers

    @Test func runningActionHasRetryAfter() throws {
        let answer = try Fixtures.running()
        let response = try response(answer)
        expectEqual(response.status, 200)
        expectEqual(
            response.fields,
            [
                Field(name: "ETag", value: EntityTag(answer.document).text),
                Field(name: "Cache-Control", value: "max-age=42"),
                Field(name: "Retry-After", value: "42"),
                Field(name: "Cache-Status", value: "status-proxy; hit; ttl=42"),
                Field(name: "Vary", value: "Accept, Accept-Encoding"),
                Field(name: "Content-Type", value: "application/json"),
            ])
        let state = String(decoding: answer.document.bytes.dropLast(), as: UTF8.self)
        expectEqual(
            String(decoding: response.body, as: UTF8.self),
            state + #","checked_at":"2026-11-01T10:01:42.010Z","#
                + #""next_check_at":"2026-11-01T10:02:42.010Z","stale":false,"stale_reason":null}"#)
    }

    @Test func finishedActionIsKeptForTheRestOfItsTime() throws {
        let response = try response(try Fixtures.finished())
        expectEqual(response.value(of: "Cache-Control"), "max-age=86382, immutable")
        #expect(response.value(of: "Retry-After") == nil)
        expectEqual(response.value(of: "Cache-Status"), "status-proxy; hit; ttl=86382")
        let body = try response.json()
        #expect(body["next_check_at"] == nil)
        expectEqual(body["done"], .bool(true))
        expectEqual(body["stale"], .bool(false))
    }

    @Test(arguments: StaleReason.allCases)
    func staleAnswerHasItsReason(reason: StaleReason) throws {
        let response = try response(try Fixtures.stale(reason))
        expectEqual(response.status, 200)
        expectEqual(response.value(of: "Cache-Control"), "max-age=30")
        expectEqual(response.value(of: "Retry-After"), "30")
        expectEqual(
            response.value(of: "Cache-Status"),
            "status-proxy; hit; ttl=-12; detail=\(reason.rawValue)")
        let body = try response.json()
        expectEqual(body["stale"], .bool(true))
        expectEqual(body["stale_reason"], .string(reason.rawValue))
    }

    @Test func contractListsTheSameWords() throws {
        let contract = try ContractDocument.ofThisService()
        expectEqual(
            contract.values(of: "stale_reason", schema: "Action"),
            Set(StaleReason.allCases.map(\.rawValue)))
        expectEqual(
            contract.values(of: "status", schema: "Action"),
            Set(ActionStatus.allCases.map(\.rawValue)))
        expectEqual(
            contract.values(of: "class", schema: "ActionError"),
            Set(ErrorClass.allCases.map(\.rawValue)))
    }

    // MARK: Numbers

    @Test(
        arguments: [
            // Milliseconds until the next look; seconds in max-age, Retry-After, ttl.
            (42_000, 42, 42, 42), (41_001, 42, 42, 41), (1_000, 1, 1, 1), (999, 1, 1, 0),
            (1, 1, 1, 0),
            // Due, or overdue: nothing to wait for, but still not immediately again.
            (0, 0, 1, 0), (-1, 0, 1, 0), (-5_000, 0, 1, -5),
        ])
    func secondsAreRoundedUp(
        milliseconds: Int, maxAge: Int, retryAfter: Int, ttl: Int
    ) throws {
        let answer = try Fixtures.running {
            $0.nextRefreshAt = Fixtures.now + .milliseconds(milliseconds)
        }
        let response = try response(answer)
        expectEqual(response.value(of: "Cache-Control"), "max-age=\(maxAge)")
        expectEqual(response.value(of: "Retry-After"), "\(retryAfter)")
        expectEqual(response.value(of: "Cache-Status"), "status-proxy; hit; ttl=\(ttl)")
        let next = Fixtures.wall + .milliseconds(milliseconds)
        try expectEqual(response.json()["next_check_at"], .string(RFC3339.format(next)))
    }

    // RFC 9111 5.1: a cache subtracts the Age that it gets from max-age, which is the remaining time.
    @Test func answerNeverHasAnAgeField() throws {
        for milliseconds in [0, 999, 1_000, 3_600_000] {
            let answer = try Fixtures.running {
                $0.answeredAt = Fixtures.now - .milliseconds(milliseconds)
            }
            let response = try response(answer)
            #expect(response.value(of: "Age") == nil)
            expectEqual(response.value(of: "Cache-Control"), "max-age=42")
        }
    }

    @Test func privateAnswerIsForTheCallersOwnCacheOnly() throws {
        let scopes: [(Answer, String)] = [
            (try Fixtures.running(), "private, max-age=42"),
            (try Fixtures.stale(), "private, max-age=30"),
            (try Fixtures.finished(), "private, max-age=86382, immutable"),
        ]
        for (answer, value) in scopes {
            let tag = EntityTag(answer.document).text
            for ifNoneMatch in [nil, tag] {
                let response = try response(answer, ifNoneMatch: ifNoneMatch, for: .private)
                expectEqual(response.value(of: "Cache-Control"), value)
            }
        }
    }

    @Test func staleAnswerThatIsNotYetPastItsTimeHasNoFreshnessLeft() throws {
        var answer = try Fixtures.stale(.notFound)
        answer.freshUntil = Fixtures.now + .seconds(20)
        try expectEqual(
            response(answer).value(of: "Cache-Status"),
            "status-proxy; hit; ttl=0; detail=upstream-not-found")
    }

    @Test func checkedAtIsTheWallTimeOfTheCall() throws {
        let answer = try Fixtures.running { $0.checkedAt = WallTime(milliseconds: 0) }
        try expectEqual(response(answer).json()["checked_at"], .string("1970-01-01T00:00:00.000Z"))
    }

    // MARK: Cache-Status, RFC 9211

    @Test(
        arguments: [
            (.hit, "status-proxy; hit; ttl=42"), (.miss, "status-proxy; fwd=miss; stored; ttl=42"),
            (.collapsed, "status-proxy; fwd=miss; collapsed; ttl=42"),
        ] as [(Answer.Service, String)])
    func cacheStatusNamesTheOriginOfTheAnswer(service: Answer.Service, text: String) throws {
        let response = try response(try Fixtures.running { $0.service = service })
        expectEqual(response.value(of: "Cache-Status"), text)
    }

    @Test(
        arguments: [Answer.Service.hit, .miss, .collapsed], [nil, StaleReason.slow])
    func cacheStatusIsAStructuredList(service: Answer.Service, reason: StaleReason?) throws {
        var answer = try reason.map(Fixtures.stale) ?? Fixtures.running()
        answer.service = service
        let text = try #require(try response(answer).value(of: "Cache-Status"))
        var parser = StructuredFieldValueParser(Array(text.utf8))
        let list = try parser.parseListFieldValue()
        guard case .item(let item)? = list.first, list.count == 1 else {
            Issue.record("one cache has one member")
            return
        }
        expectEqual(item.rfc9651BareItem, .token("status-proxy"))
        let parameters = item.rfc9651Parameters
        // RFC 9211 2: hit and fwd exclude each other; ttl is an integer, detail a token.
        expectEqual(parameters["hit"] == true, service == .hit)
        expectEqual(parameters["fwd"] == .token("miss"), service != .hit)
        expectEqual(parameters["collapsed"] == true, service == .collapsed)
        expectEqual(parameters["ttl"], .integer(reason == nil ? 42 : -12))
        let detail = service == .hit ? reason : nil
        expectEqual(parameters["detail"], detail.map { .token($0.rawValue) })
    }

    // MARK: Conditions

    @Test func sameStateIsNotSentAgain() throws {
        for answer in [try Fixtures.running(), try Fixtures.finished(), try Fixtures.stale()] {
            let tag = EntityTag(answer.document)
            for field in [tag.text, "\"\(tag.opaque)\"", "*", "\"x\", \(tag.text)"] {
                let plain = try response(answer)
                let answer = try response(answer, ifNoneMatch: field)
                expectEqual(answer.status, 304)
                #expect(answer.body.isEmpty)
                // RFC 9110 15.4.5: the fields that a 200 would have, except for those of the content.
                expectEqual(answer.fields, plain.fields.filter { $0.name != "Content-Type" })
            }
        }
    }

    @Test(arguments: ["\"x\"", "W/\"0000000000000000\"", "nonsense", ""])
    func otherStateIsSent(ifNoneMatch: String) throws {
        try expectEqual(response(try Fixtures.running(), ifNoneMatch: ifNoneMatch).status, 200)
    }

    @Test func failedPreconditionIsAProblem() throws {
        let response = try response(try Fixtures.running(), ifMatch: "\"x\"")
        expectEqual(response.status, 412)
        expectEqual(response.value(of: "Cache-Control"), "no-store")
        try expectEqual(response.json()["code"], .string("precondition-failed"))
    }

    @Test func tagIsOfTheStateAndNotOfItsFreshness() throws {
        let tags = try [
            Fixtures.running(), Fixtures.stale(), Fixtures.running { $0.nextRefreshAt = nil },
        ]
        .map { Written.response($0, clocks: Fixtures.clocks) }
        .map { $0.value(of: "ETag") }
        expectEqual(Set(tags).count, 1)
    }

    // MARK: States

    @Test(arguments: ActionStatus.allCases, ErrorClass.allCases)
    func everyStateKeepsTheContract(status: ActionStatus, errorClass: ErrorClass) throws {
        let document = try Fixtures.document(status: status) { action in
            action.type = "VOUCHERS.IMPORT"
            action.progress = 100
            action.counts = Action.Counts(succeeded: 1, failed: nil)
            action.errors = [
                ActionError(code: "A", message: nil, errorClass: errorClass, target: nil),
                ActionError(code: "B", message: "\u{1}\"é", errorClass: .other, target: "row 3"),
            ]
            action.result = .object([.init("n", .number("9007199254740993"))])
            action.createdAt = "2026-11-01T10:00:00.12Z"
            action.updatedAt = "yesterday"
            action.processingTimeMilliseconds = 5611
            action.requestID = "v-1"
        }
        let response = try response(try Fixtures.running { $0.document = document })
        let body = try response.json()
        expectEqual(body["status"], .string(status.rawValue))
        expectEqual(body["result"]?["n"], .number("9007199254740993"))
        expectEqual(body["created_at"], .string("2026-11-01T10:00:00.12Z"))
    }
}
