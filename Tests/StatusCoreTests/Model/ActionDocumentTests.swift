import TestSupport
import Testing

@testable import StatusCore

@Suite struct ActionDocumentTests {
    private func action(_ change: (inout Action) -> Void = { _ in }) throws -> Action {
        let id = try #require(ActionID("aa_1"))
        var action = Action(
            id: id, source: .vouchers, status: .unknown, isDone: false, errors: [],
            upstream: Action.UpstreamStatus(status: nil, operationStatus: nil))
        change(&action)
        return action
    }

    private func text(_ document: ActionDocument) -> String {
        String(decoding: document.bytes, as: UTF8.self)
    }

    @Test func unreportedFieldsAreNull() throws {
        expectEqual(
            text(try action().document()),
            #"{"id":"aa_1","source":"vouchers","type":null,"status":"UNKNOWN","done":false,"#
                + #""progress":null,"counts":null,"errors":[],"result":null,"created_at":null,"#
                + #""updated_at":null,"processing_time_ms":null,"request_id":null,"#
                + #""upstream":{"status":null,"operation_status":null}}"#)
    }

    @Test func allFieldsAreInTheOrderOfTheContract() throws {
        let document = try action { action in
            action.type = "VOUCHERS.IMPORT"
            action.status = .partiallySucceeded
            action.isDone = true
            action.progress = 100
            action.counts = Action.Counts(succeeded: 1, failed: nil)
            action.errors = [
                ActionError(code: "A", message: nil, errorClass: .notFound, target: "row 3"),
                ActionError(code: "B", message: "m", errorClass: .other, target: nil),
            ]
            action.result = .object([.init("z", .number("1.10")), .init("a", .null)])
            action.createdAt = "2026-11-01T10:00:00.12Z"
            action.updatedAt = "yesterday"
            action.processingTimeMilliseconds = 5611
            action.requestID = "v-1"
            action.upstream = Action.UpstreamStatus(status: "DONE", operationStatus: "X")
        }.document()
        expectEqual(
            text(document),
            #"{"id":"aa_1","source":"vouchers","type":"VOUCHERS.IMPORT","#
                + #""status":"PARTIALLY_SUCCEEDED","done":true,"progress":100,"#
                + #""counts":{"succeeded":1,"failed":null},"errors":["#
                + #"{"code":"A","message":null,"class":"not_found","target":"row 3"},"#
                + #"{"code":"B","message":"m","class":"other","target":null}],"#
                + #""result":{"a":null,"z":1.10},"created_at":"2026-11-01T10:00:00.12Z","#
                + #""updated_at":"yesterday","processing_time_ms":5611,"request_id":"v-1","#
                + #""upstream":{"status":"DONE","operation_status":"X"}}"#)
        expectEqual(document.createdAt, RFC3339.parse("2026-11-01T10:00:00.120Z"))
        #expect(document.status == .partiallySucceeded && document.isDone)
    }

    @Test func unreadableCreatedAtIsKeptAsText() throws {
        let document = try action { $0.createdAt = "1 May" }.document()
        #expect(document.createdAt == nil)
        #expect(text(document).contains(#""created_at":"1 May""#))
    }

    @Test func sameStateInAnotherKeyOrderHasTheSameTag() throws {
        let one = try action {
            $0.result = .object([.init("a", .number("1")), .init("b", .null)])
        }
        let other = try action {
            $0.result = .object([.init("b", .null), .init("a", .number("1"))])
        }
        let third = try action { $0.result = .object([.init("b", .null)]) }
        expectEqual(one.document(), other.document())
        #expect(one.document().tag != third.document().tag)
    }
}
