// The list of voucher actions: `GET /v1/async-actions` (Voucherify, "List Async Actions").

import Testing

@testable import StatusCore

@Suite struct ListNormalizerTests {
    private static func outcome(
        _ body: String, status: Int = 200, source: Source = .vouchers
    ) -> CallOutcome {
        let reply = UpstreamReply(status: status, fields: [], body: Array(body.utf8))
        let now = NormalizeFixtures.now
        return Normalizer.outcome(of: reply, source: source, id: .list, now: now).outcome
    }

    private static func listed(_ items: String) throws -> [ListedAction] {
        let body = #"{"object":"list","data_ref":"async_actions","async_actions":[\#(items)],"#
        guard case .listed(let actions) = outcome(body + #""has_more":false}"#) else {
            throw NormalizeFixtures.NoFault()
        }
        return actions
    }

    @Test func aPendingItemIsTheSameDocumentAsItsOwnAnswer() throws {
        let item =
            #"{"id":"\#(NormalizeFixtures.voucherID)","type":"VOUCHERS.IMPORT","status":"ENQUEUED","#
            + #""progress":0,"created_at":"2026-11-01T10:01:00.000Z","object":"async_action"}"#
        let own = try NormalizeFixtures.outcome(.vouchers, item)
        let listed = try #require(try Self.listed(item).first)
        #expect(listed.id.text == NormalizeFixtures.voucherID)
        #expect(own == .answered(listed.document))
        #expect(!listed.document.isDone)
    }

    @Test func anItemWhoseOwnAnswerHasAResultIsAnotherDocument() throws {
        let id = NormalizeFixtures.voucherID
        let own = try NormalizeFixtures.outcome(
            .vouchers, #"{"id":"\#(id)","status":"DONE","result":{"done_count":1}}"#)
        let listed = try #require(try Self.listed(#"{"id":"\#(id)","status":"DONE"}"#).first)
        #expect(own != .answered(listed.document))
    }

    @Test func itemsThatNameNoActionAreLeftOut() throws {
        let items =
            #"{"status":"DONE"},7,null,[],{"id":"*","status":"DONE"},{"id":"","status":"DONE"},"#
            + #"{"id":"../v1","status":"DONE"},{"id":7,"status":"DONE"},{"id":"aa_1","status":"DONE"}"#
        #expect(try Self.listed(items).map(\.id.text) == ["aa_1"])
    }

    @Test func anEmptyListTellsNothing() throws {
        #expect(try Self.listed("").isEmpty)
    }

    @Test(
        arguments: [
            ("", .notJSON), ("<html></html>", .notJSON), ("[]", .malformed), ("{}", .malformed),
            (#"{"async_actions":null}"#, .malformed), (#"{"async_actions":{}}"#, .malformed),
            (#"{"id":"*","status":"DONE"}"#, .malformed),
        ] as [(String, UpstreamFault.Kind)])
    func whatIsNoListIsAFault(body: String, kind: UpstreamFault.Kind) {
        guard case .failed(let fault) = Self.outcome(body) else {
            Issue.record("\(body) was taken for a list")
            return
        }
        #expect(fault.kind == kind)
    }

    /// An upstream without a list, or a wrong base URL: no action is gone for that.
    @Test func aListThatIsNotFoundIsAFault() {
        let body = #"{"code":404,"key":"not_found","message":"Resource not found"}"#
        guard case .failed(let fault) = Self.outcome(body, status: 404) else {
            Issue.record("a list was not found")
            return
        }
        #expect(fault.kind == .unexpectedStatus && fault.httpStatus == 404)
    }

    @Test func ordersHaveNoList() {
        let body = #"{"async_actions":[]}"#
        guard case .failed = Self.outcome(body, source: .orders) else {
            Issue.record("orders told a list")
            return
        }
    }
}
