import TestSupport
import Testing

@testable import StatusCore

@Suite struct SnapshotTests {
    private static let uuid = "0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1e"

    private func snapshot(_ id: String, bytes: String) -> Snapshot {
        let document = ActionDocument(
            bytes: Array(bytes.utf8), source: .orders, status: .succeeded, isDone: true,
            createdAt: nil)
        let answer = Answer(
            document: document, checkedAt: WallTime(milliseconds: 0), answeredAt: .distantPast,
            freshUntil: .distantFuture, keptUntil: .distantFuture, nextRefreshAt: nil,
            staleReason: nil, service: .hit)
        return Snapshot(.of(id), answer, servableUntil: .distantFuture)
    }

    /// The bytes have the id as it was asked for, in another spelling, or not at all.
    @Test(arguments: [#"{"id":"\#(uuid)","x":1}"#, #"{"id":"\#(uuid.uppercased())"}"#, "{}", ""])
    func itsIDIsTheOneThatWasAskedFor(bytes: String) {
        let snapshot = snapshot(Self.uuid, bytes: bytes)
        expectEqual(snapshot.id.text, Self.uuid)
        for text in [Self.uuid, Self.uuid.uppercased()] {
            let isAbout = snapshot.isAbout(text.utf8.span)
            #expect(isAbout)
        }
        for text in ["", "0", Self.uuid + "0", String(Self.uuid.dropLast()) + "d"] {
            let isAbout = snapshot.isAbout(text.utf8.span)
            #expect(!isAbout)
        }
    }

    @Test func theFirstTailIsKept() {
        let snapshot = snapshot("aa_1", bytes: #"{"id":"aa_1"}"#)
        #expect(snapshot.tail == nil)
        let first = AnswerTail([1])
        #expect(snapshot.keep(first) === first && snapshot.keep(AnswerTail([2])) === first)
        #expect(snapshot.tail === first)
        #expect(first.keep(compressed: AnswerTail([3])) === first.compressed)
    }
}
