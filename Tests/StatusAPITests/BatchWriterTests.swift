import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct BatchWriterTests {
    private func response(
        _ items: [BatchItem], ifMatch: String? = nil, ifNoneMatch: String? = nil,
        for caches: CacheScope = .shared
    ) throws -> Response {
        var response = BatchWriter.response(
            items, .of(ifMatch, noneMatch: ifNoneMatch), clocks: Fixtures.clocks, for: caches)
        if response.status == 200 {
            response.body = BatchWriter.content(items, clocks: Fixtures.clocks).bytes
        }
        try expectKept(response, path: "/actions")
        return response
    }

    @Test func answersAndFailuresKeepTheOrderAsked() throws {
        let running = try Fixtures.running()
        let finished = try Fixtures.finished()
        let problem = ProblemDetails(
            .upstreamTimeout, "Why.", retryAt: Fixtures.now + .milliseconds(1_500))
        let response = try response([
            BatchItem(id: "../\"etc", result: .failure(.invalidID)),
            BatchItem(id: "b", running),
            BatchItem(id: "c", result: .failure(problem)),
            BatchItem(id: "d", finished),
        ])
        expectEqual(response.status, 200)
        expectEqual(
            response.fields.filter { $0.name != "ETag" },
            [
                Field(name: "Cache-Control", value: "no-cache"),
                Field(name: "Content-Type", value: "application/json"),
                Field(name: "Vary", value: "Accept, Accept-Encoding"),
                Field(name: "Retry-After", value: "2"),
            ])
        let body = try response.json()
        expectEqual(body["done"], .bool(false))
        let bodies = [running, finished].map {
            RenderedAnswer($0, clocks: Fixtures.clocks).content.bytes
        }
        try expectEqual(body["actions"]?.array, bodies.map { try JSONReader.read($0) })
        let failures = try #require(body["failures"]?.array)
        expectEqual(failures.map { $0["id"] }, [.string("../\"etc"), .string("c")])
        expectEqual(failures[0]["problem"]?["code"], .string("invalid-id"))
        expectEqual(failures[1]["problem"]?["retry_after"], .number("2"))
    }

    /// A small request may have a huge answer, which is never in memory as a whole.
    @Test func repeatedLargeStatesAreNotCopied() throws {
        let large = try Fixtures.running { answer in
            answer.document = try Fixtures.document {
                $0.result = .string(String(repeating: "x", count: 1 << 20))
            }
        }
        let item = BatchItem(id: "a", large)
        let content = BatchWriter.content(
            [BatchItem](repeating: item, count: 99), clocks: Fixtures.clocks)
        #expect(content.count > 99 << 20)
        #expect(content.gatheredCount < 99 * 512)
        let places = content.parts.filter { $0.count > 1 << 20 }.map { part in
            part.withUnsafeBytes { $0.baseAddress }
        }
        expectEqual(places.count, 99)
        expectEqual(Set(places).count, 1)
        let few = BatchWriter.content([item, item, item], clocks: Fixtures.clocks)
        try expectEqual(JSONReader.read(few.bytes)["actions"]?.array?.count, 3)
    }

    @Test func idGivenTwiceIsAnsweredTwice() throws {
        let answer = try Fixtures.running()
        let response = try response([
            BatchItem(id: "a", answer),
            BatchItem(id: "-", result: .failure(.invalidID)),
            BatchItem(id: "a", answer),
            BatchItem(id: "-", result: .failure(.invalidID)),
        ])
        let body = try response.json()
        expectEqual(body["actions"]?.array?.count, 2)
        expectEqual(body["failures"]?.array?.count, 2)
    }

    @Test func bothListsArePresentWhenEmpty() throws {
        let text = String(decoding: try response([]).body, as: UTF8.self)
        expectEqual(text, #"{"done":true,"actions":[],"failures":[]}"#)
    }

    // MARK: When to come back

    static let problems = [
        ProblemDetails(.invalidID, "Why."),
        ProblemDetails(.actionNotFound, "Why.", retryAt: Fixtures.now + .seconds(20)),
    ]

    @Test(
        arguments: [
            // Which items: r(unning, 42 s), s(tale, 30 s), f(inished), i(nvalid), n(ot found, 20 s).
            ("f", true, nil), ("ff", true, nil), ("rf", false, "42"), ("fsr", false, "30"),
            ("fn", false, "20"), ("rn", false, "20"), ("ri", false, "42"),
            // Not all are done, but there is nothing to wait for.
            ("fi", false, nil), ("i", false, nil),
        ] as [(String, Bool, String?)])
    func batchHasDoneAndRetryAfter(
        kinds: String, isDone: Bool, retryAfter: String?
    ) throws {
        let items = try kinds.map { kind -> BatchItem in
            switch kind {
            case "r": BatchItem(id: "a", try Fixtures.running())
            case "s": BatchItem(id: "a", try Fixtures.stale())
            case "f": BatchItem(id: "a", try Fixtures.finished())
            default: BatchItem(id: "a", result: .failure(Self.problems[kind == "i" ? 0 : 1]))
            }
        }
        let response = try response(items)
        try expectEqual(response.json()["done"], .bool(isDone))
        expectEqual(response.value(of: "Retry-After"), retryAfter)
    }

    // MARK: The tag

    @Test func tagCoversStatesAndFailures() throws {
        let running = BatchItem(id: "a", try Fixtures.running())
        let stale = BatchItem(id: "a", try Fixtures.stale())
        let finished = BatchItem(id: "b", try Fixtures.finished())
        let failed = Self.problems.map { BatchItem(id: "a", result: .failure($0)) }
        let tag = EntityTag([running, finished])
        // It excludes freshness, and when a failure can be requested again.
        expectEqual(tag, EntityTag([stale, finished]))
        var later = failed[1]
        later.result = .failure(
            ProblemDetails(.actionNotFound, "Else.", retryAt: Fixtures.now + .seconds(300)))
        expectEqual(EntityTag([failed[1], running]), EntityTag([later, running]))
        let others = [
            [finished, running], [running], [running, running], [finished, finished], [],
            [failed[0], finished], [failed[1], finished], [running, failed[0]], [failed[0]],
        ]
        expectEqual(Set(others.map { EntityTag($0).value } + [tag.value]).count, others.count + 1)
    }

    @Test func sameStatesAreNotSentAgain() throws {
        let items = [
            BatchItem(id: "a", try Fixtures.running()),
            BatchItem(id: "-", result: .failure(.invalidID)),
        ]
        let whole = try response(items)
        let tag = try #require(whole.value(of: "ETag"))
        for condition in [tag, "*", "\"x\", \(tag.dropLast())-gzip\""] {
            let answer = try response(items, ifNoneMatch: condition)
            expectEqual(answer.status, 304, "\(condition)")
            #expect(answer.body.isEmpty)
            expectEqual(answer.fields, whole.fields.filter { $0.name != "Content-Type" })
        }
        let own = EntityTag(try Fixtures.running().document).text
        for condition in ["\"x\"", own] {
            try expectEqual(response(items, ifNoneMatch: condition), whole)
        }
        try expectEqual(response(items, ifMatch: tag).status, 412)
    }

    @Test func privateBatchIsForTheCallersOwnCacheOnly() throws {
        let items = [BatchItem(id: "a", try Fixtures.running())]
        let response = try response(items, for: .private)
        expectEqual(response.value(of: "Cache-Control"), "private, no-cache")
    }

    @Test func fullBatchKeepsTheContract() throws {
        let answer = try Fixtures.stale()
        let items = Array(
            repeating: BatchItem(id: "a", answer), count: APILimits.batchIDsMax)
        try expectEqual(response(items).json()["actions"]?.array?.count, 100)
    }

    @Test(arguments: ProblemDetails.Code.allCases)
    func anyProblemCanBeInABatch(code: ProblemDetails.Code) throws {
        let problem = ProblemDetails(code, "Why.", retryAt: Fixtures.now + .seconds(1))
        _ = try response([BatchItem(id: "a", result: .failure(problem))])
    }
}
