// The hot way of writing an answer gives the bytes of the readable one.

import HTTPWire
import StatusCore
import Testing

@testable import StatusAPI

@Suite struct RenderedAnswerPlainTests {
    static let shapes = [
        AnswerShape(isHead: false, version: .http11, keepAlive: true),
        AnswerShape(isHead: false, version: .http11, keepAlive: false),
        AnswerShape(isHead: false, version: .http10, keepAlive: true),
        AnswerShape(isHead: false, version: .http10, keepAlive: false),
    ]

    static func answers() throws -> [Answer] {
        let running = try Fixtures.running()
        let kinds = try [running, Fixtures.finished()] + StaleReason.allCases.map(Fixtures.stale)
        let services: [Answer.Service] = [.hit, .miss, .collapsed]
        return kinds.flatMap { kind in
            services.map { service in
                var answer = kind
                answer.service = service
                return answer
            }
        }
    }

    @Test(arguments: shapes, [CacheScope.shared, .private])
    func bothWaysWriteTheSameBytes(_ shape: AnswerShape, _ caches: CacheScope) throws {
        for answer in try Self.answers() {
            let rendered = RenderedAnswer(answer, clocks: Fixtures.clocks)
            for seconds in [-3, 0, 1, 59, 100_000] {
                let now = Fixtures.clocks.instant + .milliseconds(seconds * 1000 + 1)
                var plain = ResponseWriter()
                plain.prepare(shape)
                rendered.writePlain(now: now, requestID: 0xAB_CDEF, for: caches, into: &plain)
                var readable = ResponseWriter()
                readable.prepare(shape)
                let none = Preconditions(APIRequest(path: "/"))
                _ = rendered.write(none, now: now, for: caches, into: &readable) {
                    $0.field("X-Request-Id", "0000000000abcdef")
                }
                #expect(plain.isAnswered)
                #expect(plain.statusWritten == 200)
                #expect(
                    String(decoding: plain.output, as: UTF8.self)
                        == String(decoding: readable.output, as: UTF8.self))
            }
        }
    }
}
