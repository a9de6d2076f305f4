// Tests the parser's contract: what it consumes, what it leaves, and which bytes it accepts where.

import HTTPWire
import TestSupport
import Testing

struct RequestParserTests {
    private let parser = RequestParser()

    @Test func everyPrefixNeedsMoreAndTheWholeIsConsumed() {
        let text = "\r\nGET http://b:1/c?d HTTP/1.1\r\nHost: a\r\nX:  y \r\n\r\n"
        let bytes = Array((text + "GET").utf8)
        var head = RequestHead()
        for count in 0..<text.utf8.count {
            expectEqual(parser.parse(Array(bytes[..<count]).span, into: &head), .needMore)
        }
        let outcome = parser.parse(bytes.span, into: &head)
        expectEqual(outcome, .request(consumed: text.utf8.count))
    }

    @Test func rangesCountFromTheBeginningOfTheBytes() {
        let bytes = Array("....GET /a?b HTTP/1.0\r\nX: y\r\n\r\n".utf8)
        var head = RequestHead()
        let outcome = parser.parse(bytes.span, from: 4, into: &head)
        expectEqual(outcome, .request(consumed: bytes.count - 4))
        expectEqual(head.target, 8..<12)
        expectEqual(head.path, 8..<10)
        expectEqual(head.query, 11..<12)
        expectEqual(head.fields, [FieldLine(name: 23..<24, value: 26..<27)])
    }

    @Test func fieldsAreFoundWhateverTheirCase() {
        let bytes = Array("GET / HTTP/1.0\r\nX-A: 1\r\nx-a: 2\r\nX-B: 3\r\n\r\n".utf8)
        var head = RequestHead()
        _ = parser.parse(bytes.span, into: &head)
        let first = head.firstValue(of: "x-a", in: bytes.span).map { Array(bytes[$0]) }
        expectEqual(first, [UInt8(ascii: "1")])
        #expect(head.firstValue(of: "x-c", in: bytes.span) == nil)
        var values: [UInt8] = []
        head.forEachValue(of: "x-a", in: bytes.span) { values += bytes[$0] }
        expectEqual(values, Array("12".utf8))
        expectEqual(head.count(of: "x-b", in: bytes.span), 1)
    }

    @Test(arguments: [
        ("Origin: http://a", true), ("ORIGIN: null", true), ("Sec-Fetch-Site: none", true),
        ("accept-language: de", true), ("Accept: */*", false), ("User-Agent: curl/8", false),
        ("Sec-Fetch-Mode: cors", false), ("Referer: http://a/", false), ("Cookie: a=b", false),
    ])
    func fieldsThatBrowsersAddAreNoted(line: String, isMark: Bool) {
        var head = RequestHead()
        let marked = Array("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n".utf8)
        _ = parser.parse(marked.span, into: &head)
        expectEqual(head.hasBrowserMark, isMark)
        _ = parser.parse(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8).span, into: &head)
        expectEqual(head.hasBrowserMark, false)
    }

    @Test func reusedHeadHasNoTracesOfTheLast() {
        var head = RequestHead()
        let first = Array("POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n".utf8)
        _ = parser.parse(first.span, into: &head)
        _ = parser.parse(Array("GET /c HTTP/1.0\r\n\r\n".utf8).span, into: &head)
        #expect(head.query == nil)
        #expect(head.authority == nil)
        #expect(head.fields.isEmpty)
        expectEqual(head.framing, .none)
        expectEqual(head.keepAlive, false)
    }

    /// The position of a byte, and the bytes allowed there besides letters and digits.
    enum Place: String, CaseIterable, Sendable {
        case method, path, query, host, fieldName, fieldValue

        var others: String {
            switch self {
            case .method, .fieldName: "!#$%&'*+-.^_`|~"
            case .path: "-._~!$&'()*+,;=:@/?"
            case .query: "-._~!$&'()*+,;=:@/?"
            case .host: "-._~!$&'()*+,;="
            case .fieldValue: String(decoding: (0x21...0x7E) as ClosedRange<UInt8>, as: UTF8.self)
            }
        }

        func takes(_ byte: UInt8) -> Bool {
            if self == .fieldValue, byte == 9 || byte == 32 || byte > 127 { return true }
            let character = Character(Unicode.Scalar(byte))
            if character.isASCII, character.isLetter || character.isNumber { return true }
            return others.utf8.contains(byte)
        }

        func request(_ byte: UInt8) -> [UInt8] {
            func at(_ place: Place) -> [UInt8] { place == self ? [0x61, byte, 0x61] : [0x61] }
            var bytes = at(.method) + Array(" /".utf8) + at(.path) + Array("?".utf8) + at(.query)
            bytes += Array(" HTTP/1.1\r\nHost: ".utf8) + at(.host) + Array("\r\n".utf8)
            bytes += at(.fieldName) + Array(": ".utf8) + at(.fieldValue)
            return bytes + Array("\r\n\r\n".utf8)
        }
    }

    @Test(arguments: Place.allCases)
    func everyByteIsAcceptedExactlyWhereTheGrammarAllowsIt(_ place: Place) {
        var head = RequestHead()
        for byte in UInt8.min...UInt8.max {
            // It would end its element, and the rest would be read as another one.
            if place == .fieldName, byte == UInt8(ascii: ":") { continue }
            let bytes = place.request(byte)
            let isTaken = parser.parse(bytes.span, into: &head) == .request(consumed: bytes.count)
            expectEqual(isTaken, place.takes(byte), "\(place) \(byte)")
        }
    }
}
