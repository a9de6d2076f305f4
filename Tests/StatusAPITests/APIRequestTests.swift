import HTTPWire
import Testing

@testable import StatusAPI

@Suite struct APIRequestTests {
    private func request(_ text: String) throws -> APIRequest {
        let bytes = Array(text.utf8)
        var head = RequestHead()
        let outcome = RequestParser().parse(bytes.span, into: &head)
        #expect(outcome == .request(consumed: bytes.count))
        return APIRequest(head, bytes: bytes.span)
    }

    @Test func partsComeOutAsTheyStand() throws {
        let request = try request(
            "HEAD /actions/a%3Ab?wait=3&x=%20 HTTP/1.1\r\nHost: h\r\nPREFER: wait=5\r\n"
                + "If-None-Match:  W/\"1\" \r\nx-request-id: r-7\r\naccept: a/b\r\n"
                + "Last-Event-ID: 7\r\nIf-Match: \"2\"\r\n\r\n")
        #expect(
            request
                == APIRequest(
                    method: .head, path: "/actions/a%3Ab", query: "wait=3&x=%20",
                    ifMatch: "\"2\"", ifNoneMatch: "W/\"1\"", prefer: "wait=5", accept: "a/b",
                    lastEventID: "7", requestID: "r-7"))
    }

    @Test func absentPartsAreNil() throws {
        #expect(
            try request("GET /livez HTTP/1.0\r\n\r\n") == APIRequest(method: .get, path: "/livez"))
    }

    @Test func repeatedFieldsAreOneList() throws {
        let request = try request(
            "GET / HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"a\"\r\nPrefer: x\r\n"
                + "If-None-Match: \"b\", \"c\"\r\nPrefer: wait=2\r\n"
                + "If-Match: \"d\"\r\nif-match: \"e\"\r\n\r\n")
        #expect(request.ifNoneMatch == #""a", "b", "c""#)
        #expect(request.ifMatch == #""d", "e""#)
        #expect(request.prefer == "x, wait=2")
    }

    @Test func absoluteTargetWithoutAPathMeansTheRoot() throws {
        let request = try request("OPTIONS http://h:80 HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(request == APIRequest(method: .options, form: .absolute, path: "/"))
        #expect(try Router.route(request) == .options(allow: Router.allowed))
    }

    @Test func asteriskFormIsKept() throws {
        let request = try request("OPTIONS * HTTP/1.0\r\n\r\n")
        #expect(request.form == .asterisk)
        #expect(try Router.route(request) == .options(allow: Router.allowed))
    }
}
