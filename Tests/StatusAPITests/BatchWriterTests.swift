import HTTPWire
import StatusCore
import Testing

@testable import StatusAPI

@Suite struct BatchWriterTests {
    private func response(_ items: [BatchItem]) throws -> Response {
        let response = BatchWriter.response(items, clocks: Fixtures.clocks)
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
            BatchItem(id: "b", result: .success(running)),
            BatchItem(id: "c", result: .failure(problem)),
            BatchItem(id: "d", result: .success(finished)),
        ])
        #expect(response.status == 200)
        #expect(
            response.fields == [
                Field(name: "Content-Type", value: "application/json"),
                Field(name: "Cache-Control", value: "no-store"),
            ])
        let body = try response.json()
        let bodies = [running, finished].map { RenderedAnswer($0, clocks: Fixtures.clocks).body }
        #expect(try body["actions"]?.array == bodies.map { try JSONReader.read($0) })
        let failures = try #require(body["failures"]?.array)
        #expect(failures.map { $0["id"] } == [.string("../\"etc"), .string("c")])
        #expect(failures[0]["problem"]?["code"] == .string("invalid-id"))
        #expect(failures[1]["problem"]?["retry_after"] == .number("2"))
    }

    @Test func whatIsTooLargeTogetherIsAskedForApart() throws {
        let large = try Fixtures.running { answer in
            answer.document = try Fixtures.document {
                $0.result = .string(String(repeating: "x", count: BatchWriter.actionBytesMax / 3))
            }
        }
        let items = (1...3).map { BatchItem(id: "\($0)", result: .success(large)) }
        let body = BatchWriter.response(items, clocks: Fixtures.clocks).body
        #expect(body.count < BatchWriter.actionBytesMax)
        let end = String(decoding: body.suffix(1000), as: UTF8.self)
        #expect(end.contains(#""failures":[{"id":"3","problem":{"#))
        #expect(end.contains(#""code":"overloaded""#))
    }

    @Test func idGivenTwiceIsAnsweredTwice() throws {
        let answer = try Fixtures.running()
        let response = try response([
            BatchItem(id: "a", result: .success(answer)),
            BatchItem(id: "-", result: .failure(.invalidID)),
            BatchItem(id: "a", result: .success(answer)),
            BatchItem(id: "-", result: .failure(.invalidID)),
        ])
        let body = try response.json()
        #expect(body["actions"]?.array?.count == 2)
        #expect(body["failures"]?.array?.count == 2)
    }

    @Test func bothListsAreThereWhenTheyAreEmpty() throws {
        let text = String(decoding: try response([]).body, as: UTF8.self)
        #expect(text == #"{"actions":[],"failures":[]}"#)
    }

    @Test func fullBatchKeepsTheContract() throws {
        let answer = try Fixtures.stale()
        let items = Array(
            repeating: BatchItem(id: "a", result: .success(answer)), count: APILimits.batchIDsMax)
        #expect(try response(items).json()["actions"]?.array?.count == 100)
    }

    @Test(arguments: ProblemDetails.Code.allCases)
    func anyProblemCanStandInABatch(code: ProblemDetails.Code) throws {
        let problem = ProblemDetails(code, "Why.", retryAt: Fixtures.now + .seconds(1))
        _ = try response([BatchItem(id: "a", result: .failure(problem))])
    }
}
