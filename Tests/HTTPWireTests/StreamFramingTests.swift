import HTTPWire
import TestSupport
import Testing

struct StreamFramingTests {
    private func written(_ shape: AnswerShape, _ pieces: [String]) -> String {
        var writer = ResponseWriter()
        writer.prepare(shape)
        writer.beginStream(Response(status: 200, fields: [Field(name: "A", value: "b")]))
        for piece in pieces { writer.piece(Content(Array(piece.utf8)), shape.streamFraming) }
        writer.endStream(shape.streamFraming)
        return String(decoding: writer.output, as: UTF8.self)
    }

    @Test(arguments: [
        (
            AnswerShape(isHead: false, version: .http11, keepAlive: true),
            "Transfer-Encoding: chunked\r\n", "", "1\r\nx\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
        ),
        (
            AnswerShape(isHead: false, version: .http11, keepAlive: false),
            "Transfer-Encoding: chunked\r\n", "Connection: close\r\n",
            "1\r\nx\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
        ),
        (
            AnswerShape(isHead: true, version: .http11, keepAlive: true),
            "Transfer-Encoding: chunked\r\n", "", ""
        ),
        (
            AnswerShape(isHead: false, version: .http10, keepAlive: false), "",
            "Connection: close\r\n", "x0123456789abcdef"
        ),
        (
            AnswerShape(isHead: true, version: .http10, keepAlive: false), "",
            "Connection: close\r\n", ""
        ),
    ])
    func piecesAreDelimitedAsTheRequestAllows(
        shape: AnswerShape, coding: String, connection: String, content: String
    ) {
        expectEqual(
            written(shape, ["x", "", "0123456789abcdef"]),
            "HTTP/1.1 200 OK\r\nA: b\r\n\(coding)Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                + "\(connection)\r\n\(content)")
    }

    @Test func answersToOthersMayComeBetweenPieces() {
        let shape = AnswerShape(isHead: false, version: .http11, keepAlive: true)
        var writer = ResponseWriter()
        writer.prepare(shape)
        writer.beginStream(Response(status: 200))
        #expect(writer.isAnswered)
        writer.clear(keepingAtMost: 1 << 20)
        writer.prepare(AnswerShape(isHead: true, version: .http10, keepAlive: false))
        writer.write(Response(status: 404))
        writer.clear(keepingAtMost: 1 << 20)
        writer.piece(Content(Array("abc".utf8)), shape.streamFraming)
        writer.endStream(shape.streamFraming)
        expectEqual(String(decoding: writer.output, as: UTF8.self), "3\r\nabc\r\n0\r\n\r\n")
    }
}
