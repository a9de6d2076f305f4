import TestSupport
import Testing

@testable import StatusCore

struct ActionEndingTests {
    private func action(_ change: (inout Action) -> Void) -> Action {
        var action = Action(
            id: .of("aa_1"), source: .vouchers, status: .failed, isDone: true, errors: [],
            upstream: Action.UpstreamStatus(status: "DONE", operationStatus: nil))
        change(&action)
        return action
    }

    @Test func errorsAreCountedByClass() {
        let classes: [ErrorClass] = [.input, .other, .input]
        let ended = action {
            $0.errors = classes.map {
                ActionError(code: "X", message: nil, errorClass: $0, target: nil)
            }
        }
        expectEqual(ended.document().ending?.errors, [.input: 2, .other: 1])
    }

    @Test(
        arguments: [
            ("2026-11-01T10:00:00.120Z", "2026-11-01T10:00:05.731Z", nil, 5611),
            ("2026-11-01T10:00:00Z", nil, 40, 40), (nil, "2026-11-01T10:00:00Z", nil, nil),
            // An end before the beginning is no evidence.
            ("2026-11-01T10:00:05Z", "2026-11-01T10:00:00Z", 7, 7), ("soon", "later", -1, 0),
        ] as [(String?, String?, Int64?, Int64?)])
    func timeIsFromCreationToEnd(
        created: String?, updated: String?, processing: Int64?, took: Int64?
    ) {
        let ended = action {
            $0.createdAt = created
            $0.updatedAt = updated
            $0.processingTimeMilliseconds = processing
        }
        expectEqual(ended.document().ending?.took, took.map { .milliseconds($0) })
    }

    @Test func unfinishedActionHasNoEnding() {
        let pending = action {
            $0.status = .pending
            $0.isDone = false
        }
        #expect(pending.document().ending == nil)
    }
}
