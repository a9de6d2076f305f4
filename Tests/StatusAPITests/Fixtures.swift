// An instant, a state and an answer for tests, and the final check of every answer.

import HTTPWire
import StatusAPI
import TestSupport
import Testing

@testable import StatusCore

enum Fixtures {
    static let now = Instant(nanoseconds: 5_000_000_000_000)
    /// 2026-11-01T10:02:00.010Z.
    static let wall = WallTime(milliseconds: 1_793_527_320_010)
    static let clocks = Clocks(instant: now, wall: wall)

    static func id(_ text: String = "aa_0adad13d6f057f088e") throws -> ActionID {
        try #require(ActionID(text))
    }

    static func document(
        status: ActionStatus = .pending, isDone: Bool = false,
        change: (inout Action) -> Void = { _ in }
    ) throws -> ActionDocument {
        var action = Action(
            id: try id(), source: .vouchers, status: status, isDone: isDone, errors: [],
            upstream: Action.UpstreamStatus(status: "ENQUEUED", operationStatus: nil))
        change(&action)
        return action.document()
    }

    /// Received 18 s ago, fresh for 42 s more.
    static func running(_ change: (inout Answer) throws -> Void = { _ in }) throws -> Answer {
        var answer = Answer(
            document: try document(), checkedAt: wall + .seconds(-18),
            answeredAt: now - .seconds(18), freshUntil: now + .seconds(42),
            keptUntil: now + .seconds(86_382), nextRefreshAt: now + .seconds(42), staleReason: nil,
            service: .hit)
        try change(&answer)
        return answer
    }

    /// Received 18 s ago, cacheable for a day.
    static func finished(_ change: (inout Answer) throws -> Void = { _ in }) throws -> Answer {
        try running { answer in
            answer.document = try document(status: .succeeded, isDone: true)
            answer.nextRefreshAt = nil
            answer.freshUntil = answer.keptUntil
            try change(&answer)
        }
    }

    /// Fresh until 12 s ago, and not renewable for another 30 s.
    static func stale(_ reason: StaleReason = .timeout) throws -> Answer {
        try running { answer in
            answer.freshUntil = now - .seconds(12)
            answer.nextRefreshAt = now + .seconds(30)
            answer.staleReason = reason
        }
    }
}

extension Response {
    func value(of name: String) -> String? { fields.first { $0.name == name }?.value }

    func json() throws -> JSONValue { try JSONReader.read(body) }

    /// As it leaves the service: every answer has its request's id.
    var named: Response {
        var response = self
        response.fields.append(Field(name: "X-Request-Id", value: "r-1"))
        return response
    }

    /// As the answer to HEAD: the writer omits the content.
    var withoutContent: Response {
        var response = self
        response.body = []
        return response
    }
}

/// Checks an answer, and its form for HEAD, against the service's contract.
func expectKept(
    _ response: Response, method: String = "GET", path: String,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let contract = try ContractDocument.ofThisService()
    let faults = contract.violations(method: method, path: path, response.named)
    #expect(faults == [], sourceLocation: sourceLocation)
    guard method == "GET" else { return }
    let faultsOfHead = contract.violations(
        method: "HEAD", path: path, response.named.withoutContent)
    #expect(faultsOfHead == [], sourceLocation: sourceLocation)
}

extension BatchItem {
    init(id: String, _ answer: Answer) {
        self.init(id: id, result: .success(RenderedAnswer(answer, clocks: Fixtures.clocks)))
    }
}
