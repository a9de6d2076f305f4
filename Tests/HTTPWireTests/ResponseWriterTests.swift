import HTTPWire
import TestSupport
import Testing

/// The writer's output as text.
struct ResponseWriterTests {
    private func written(
        isHead: Bool = false, version: Version = .http11, keepAlive: Bool = true,
        _ write: (inout ResponseWriter) -> Void
    ) -> String {
        var writer = ResponseWriter()
        writer.setDate(secondsSince1970: 784_111_777)
        writer.prepare(AnswerShape(isHead: isHead, version: version, keepAlive: keepAlive))
        write(&writer)
        return String(decoding: writer.output, as: UTF8.self)
    }

    private let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

    @Test func answerHasDateLengthAndContent() {
        let text = written {
            $0.write(
                status: 200, fieldBytesMax: 64, content: Array("hel".utf8)[...],
                Array("lo".utf8).span
            ) { output in
                output.append("ETag: \"a\"\r\nAge: ")
                output.append(decimal: 12)
                output.endLine()
            }
        }
        expectEqual(
            text,
            "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nAge: 12\r\n\(date)Content-Length: 5\r\n\r\nhello"
        )
    }

    // MARK: Shared content

    private func sharing() -> ResponseWriter {
        var writer = ResponseWriter()
        writer.sharedBytesMin = 5
        writer.prepare(AnswerShape(isHead: false, version: .http11, keepAlive: true))
        return writer
    }

    @Test func largeContentIsSharedAtItsPlaceInTheOutput() {
        var writer = sharing()
        writer.write(Response(status: 200, body: Array("four".utf8)))
        #expect(writer.shared.isEmpty)
        writer.prepare(AnswerShape(isHead: false, version: .http11, keepAlive: true))
        let content = Array("seven!!?".utf8)
        writer.write(
            status: 200, fieldBytesMax: 0, content: content.dropLast(), Array("tail".utf8).span
        ) { _ in }
        writer.prepare(AnswerShape(isHead: false, version: .http11, keepAlive: true))
        writer.write(Response(status: 200, body: [0x61]))
        expectEqual(writer.shared.count, 1)
        expectEqual(writer.byteCount, writer.output.count + 7)
        var whole = writer.output
        whole.insert(contentsOf: writer.shared[0].bytes, at: writer.shared[0].outputBytes)
        let text = String(decoding: whole, as: UTF8.self)
        #expect(text.contains("Content-Length: 11\r\n\r\nseven!!tailHTTP/1.1 200 OK"))
    }

    @Test func partsOfContentKeepTheirPlacesWhateverTheirSize() {
        var writer = sharing()
        let large = [UInt8](repeating: 0x78, count: Content.gatheredMax + 1)
        var content = Content(Array("[".utf8))
        for separator in [",", "]"] {
            content.append(large)
            content.append(Array(separator.utf8))
        }
        writer.write(Response(status: 200), content: content)
        expectEqual(content.count, 2 * large.count + 3)
        expectEqual(content.gatheredCount, 3)
        expectEqual(writer.shared.map(\.bytes), [large[...], large[...]])
        var whole = writer.output
        for shared in writer.shared.reversed() {
            whole.insert(contentsOf: shared.bytes, at: shared.outputBytes)
        }
        #expect(whole.suffix(content.count).elementsEqual(content.bytes))
        let text = String(decoding: writer.output, as: UTF8.self)
        #expect(text.contains("Content-Length: \(content.count)\r\n"))
        #expect(text.hasSuffix("\r\n\r\n[,]"))
    }

    @Test func largePieceIsOneChunk() {
        var writer = sharing()
        writer.beginStream(Response(status: 200))
        let large = [UInt8](repeating: 0x78, count: Content.gatheredMax + 1)
        writer.piece(Content(large), .chunked)
        writer.endStream(.chunked)
        expectEqual(writer.shared.count, 1)
        let text = String(decoding: writer.output, as: UTF8.self)
        #expect(text.hasSuffix("\r\n\r\n1001\r\n\r\n0\r\n\r\n"))
    }

    @Test func sharedContentIsRolledBackWithItsAnswer() {
        var writer = sharing()
        writer.write(Response(status: 200, body: Array("first".utf8)))
        writer.prepare(AnswerShape(isHead: false, version: .http11, keepAlive: true))
        writer.write(Response(status: 200, body: Array("second".utf8)))
        writer.rollBack()
        expectEqual(writer.shared.map { Array($0.bytes) }, [Array("first".utf8)])
        writer.clear(keepingAtMost: 0)
        expectEqual(writer.byteCount, 0)
    }

    @Test func headSharesNothing() {
        var writer = sharing()
        writer.prepare(AnswerShape(isHead: true, version: .http11, keepAlive: true))
        writer.write(Response(status: 200, body: Array("first".utf8)))
        #expect(writer.shared.isEmpty)
    }

    // MARK: Form

    @Test func headHasTheLengthButNotTheContent() {
        let text = written(isHead: true) { $0.write(Response(status: 200, body: [1, 2, 3])) }
        expectEqual(text, "HTTP/1.1 200 OK\r\n\(date)Content-Length: 3\r\n\r\n")
    }

    @Test(arguments: [204, 304])
    func statusWithoutContentHasNoLength(_ status: Int) {
        let text = written { $0.write(Response(status: status, body: [1])) }
        #expect(text.hasSuffix("\r\n\(date)\r\n"))
        #expect(!text.contains("Content-Length"))
    }

    @Test func closeIsAnnouncedAndPersistenceToA10Peer() {
        #expect(
            written(keepAlive: false) { $0.write(Response(status: 200)) }
                .contains("\r\nConnection: close\r\n"))
        #expect(
            written(version: .http10) { $0.write(Response(status: 200)) }
                .contains("\r\nConnection: keep-alive\r\n"))
        #expect(!written { $0.write(Response(status: 200)) }.contains("Connection"))
    }

    @Test func lineEndsInAValueBecomeSpaces() {
        let text = written {
            $0.write(Response(status: 200, fields: [Field(name: "X", value: "a\r\nB: c\0")]))
        }
        #expect(text.contains("\r\nX: a  B: c \r\n"))
    }

    @Test(arguments: [0, 9, 10, 99, 100, 1_234_567_890, Int.max, Int.min])
    func numbersAreDecimal(_ number: Int) {
        let text = written {
            $0.write(status: 200, fieldBytesMax: 64) { output in
                output.append("N: ")
                output.append(decimal: number)
                output.endLine()
            }
        }
        #expect(text.contains("\r\nN: \(number)\r\n"))
    }

    @Test func answerCanBeRolledBack() {
        let text = written {
            $0.write(Response(status: 200, fields: [Field(name: "X", value: "y")]))
            $0.rollBack()
            $0.write(Response(status: 500))
        }
        #expect(text.hasPrefix("HTTP/1.1 500 Internal Server Error\r\n\(date)"))
    }
}
