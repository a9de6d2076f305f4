import HTTPWire
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct RequestFieldsTests {
    @Test func everyFieldIsReadWhateverItsCase() throws {
        let fields = try Asked(
            parsing: "HEAD /actions/a%3Ab?wait=3&x=%20 HTTP/1.1\r\nHost: h\r\nPREFER: wait=5\r\n"
                + "If-None-Match:  W/\"00000000000000ff\" \r\nx-request-id: r-7\r\n"
                + "accept: text/event-stream\r\nLast-Event-ID: 0000000000000007\r\n"
                + "If-Match: \"2\"\r\n"
                + "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"
        ).fields
        expectEqual(fields.preferredWait, 5)
        expectEqual(fields.preconditions.noneMatch?.knownStates, [0xFF])
        expectEqual(fields.preconditions.match, .tags([]))
        #expect(fields.requestID != nil)
        #expect(fields.prefersEvents)
        expectEqual(fields.lastSeen?.text, "0000000000000007")
        expectEqual(fields.trace?.traceID, "4bf92f3577b34da6a3ce929d0e0e4736")
    }

    @Test func missingFieldsHaveNoEffect() throws {
        try expectEqual(Asked(parsing: "GET /livez HTTP/1.0\r\n\r\n").fields, RequestFields())
    }

    @Test func repeatedFieldsAreOneList() {
        let fields = Asked([
            "If-None-Match": #""0000000000000001""#, "Prefer": "x", "Accept": "application/json",
            "if-none-match": #""0000000000000002", "c""#, "prefer": "wait=2",
            "accept": "text/event-stream", "If-Match": "*", "if-match": #""e""#,
        ]).fields
        expectEqual(fields.preconditions.noneMatch?.knownStates, [1, 2])
        expectEqual(fields.preconditions.match, .tags([]))
        expectEqual(fields.preferredWait, 2)
        #expect(fields.prefersEvents)
    }

    @Test func repeatedTraceIsNotContinued() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        #expect(Asked(["traceparent": trace]).fields.trace != nil)
        #expect(Asked(["traceparent": trace, "Traceparent": trace]).fields.trace == nil)
    }

    @Test(arguments: [
        "a", "req-42", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~\"\\", String(repeating: "x", count: 128),
    ])
    func usableRequestIDIsKept(text: String) {
        let asked = Asked(["X-Request-Id": text])
        let id = asked.fields.requestID
        let bytes = asked.bytes
        let (own, kept) = (id?.text(from: bytes.span), id?.kept(from: bytes.span).text())
        #expect(own == text && kept == text)
    }

    @Test(arguments: [
        nil, "", " ", "a b", "tab\t", "line\r\nX: y", "nul\u{0}", "del\u{7F}", "é",
        String(repeating: "x", count: 129),
    ])
    func unusableRequestIDIsIgnored(text: String?) {
        #expect(Asked(["X-Request-Id": text]).fields.requestID == nil)
    }

    @Test(arguments: [("a", true), ("a=b", false), ("a\"b", false), ("a\\b", false)])
    func requestIDThatNeedsEscapesIsMarked(text: String, isPlain: Bool) {
        expectEqual(Asked(["X-Request-Id": text]).fields.requestID?.isPlain, isPlain)
    }

    @Test(
        arguments: [
            (0, "0000000000000000"), (0xAB_CDEF, "0000000000abcdef"), (.max, "ffffffffffffffff"),
        ] as [(UInt64, String)])
    func madeRequestIDHas16Digits(number: UInt64, text: String) {
        expectEqual(RequestID.made(number).text(), text)
    }

    @Test func absoluteTargetWithoutAPathMeansTheRoot() throws {
        let asked = try Asked(parsing: "GET http://h:80 HTTP/1.1\r\nHost: h\r\n\r\n")
        expectEqual(asked.route, .page)
    }
}
