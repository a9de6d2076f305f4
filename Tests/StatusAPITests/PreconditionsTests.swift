// Which condition decides, by method, tag and answer.

import HTTPWire
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct PreconditionsTests {
    private func conditions(
        _ ifMatch: String? = nil, noneMatch: String? = nil, method: HTTPWire.Method = .get
    ) -> Preconditions { .of(ifMatch, noneMatch: noneMatch, method: method) }

    private func tag() throws -> EntityTag { EntityTag(try Fixtures.document()) }

    // MARK: If-Match, RFC 9110 13.1.1

    @Test func weakTagIsNeverStronglyEqual() throws {
        let tag = try tag()
        for field in [tag.text, "\"\(tag.opaque)\"", "\"x\", \(tag.text)", "\"*\""] {
            expectEqual(conditions(field).verdict(tag), .failed, "\(field)")
            expectEqual(conditions(field).verdict(nil), .failed, "\(field)")
        }
    }

    @Test(arguments: ["*", nil, "", "abc", "W/", "\"open", "*, *"])
    func everyAnswerMeetsAStarOrNoCondition(field: String?) throws {
        expectEqual(conditions(field).verdict(try tag()), .serve)
        expectEqual(conditions(field).verdict(nil), .serve)
    }

    // MARK: The order, RFC 9110 13.2.2

    @Test func ifMatchIsEvaluatedBeforeIfNoneMatch() throws {
        let tag = try tag()
        expectEqual(conditions("\"x\"", noneMatch: tag.text).verdict(tag), .failed)
        expectEqual(conditions("*", noneMatch: tag.text).verdict(tag), .notModified)
        expectEqual(conditions("*", noneMatch: "\"x\"").verdict(tag), .serve)
    }

    // MARK: When they count, RFC 9110 13.2.1

    @Test(arguments: [HTTPWire.Method.options, .trace, .connect, .post, .other])
    func methodThatSelectsNothingHasNoConditions(method: HTTPWire.Method) throws {
        let conditions = conditions("\"x\"", noneMatch: "*", method: method)
        expectEqual(conditions.verdict(try tag()), .serve)
    }

    @Test(arguments: [301, 400, 404, 412, 500, 503])
    func unsuccessfulAnswerIgnoresConditions(status: Int) {
        let answer = Response(status: status, body: [1])
        expectEqual(
            conditions("\"x\"", noneMatch: "*").applied(to: answer, now: Fixtures.now), answer)
    }

    @Test func answerWithoutATagMatchesOnlyTheStar() {
        let fields = [Field(name: "Content-Type", value: "a/b"), Field(name: "Vary", value: "X")]
        let answer = Response(status: 200, fields: fields, body: [1])
        func applied(_ conditions: Preconditions) -> Response {
            conditions.applied(to: answer, now: Fixtures.now)
        }
        expectEqual(applied(conditions("*", noneMatch: "\"x\"")), answer)
        expectEqual(applied(conditions("\"x\"")).status, 412)
        expectEqual(
            applied(conditions(noneMatch: "*")),
            Response(status: 304, fields: [Field(name: "Vary", value: "X")]))
    }
}
