import HTTPWire
import TestSupport
import Testing

@testable import StatusAPI
@testable import StatusCore

@Suite struct EventStreamTests {
    private static let tag = EntityTag(opaque: "00000000000000ff")

    private func event(_ data: String) throws -> String {
        let tag = try #require(Self.tag)
        let event = EventStream.event("status", id: tag.opaque, data: Array(data.utf8))
        return String(decoding: event, as: UTF8.self)
    }

    @Test func eventHasAnIDANameAndOneLineOfData() throws {
        try expectEqual(
            event(#"{"id":"a"}"#),
            "id: 00000000000000ff\nevent: status\ndata: {\"id\":\"a\"}\n\n")
    }

    @Test(arguments: [
        ("a\nid: 7", "a\ndata: id: 7"), ("a\rb", "a\ndata: b"), ("a\r\nb", "a\ndata: b"),
        ("a\n\nevent: x", "a\ndata: \ndata: event: x"), ("\n", "\ndata: "),
        ("a\r\r\nb", "a\ndata: \ndata: b"), (" a", " a"), ("", ""),
    ])
    func lineEndInDataStartsADataLine(data: String, lines: String) throws {
        try expectEqual(
            event(data), "id: 00000000000000ff\nevent: status\ndata: \(lines)\n\n")
    }

    @Test func contractShowsEachKindOfEventWithWholeData() throws {
        let contract = try ContractDocument.ofThisService()
        let schemas = ["status": "Action", "freshness": "Freshness", "problem": "BatchFailure"]
        var shown: Set<String> = []
        for stream in contract.examples(of: "text/event-stream").compactMap(\.string) {
            for event in stream.split(separator: "\n\n") {
                let lines = event.split(separator: "\n")
                let name = try #require(lines.first { $0.hasPrefix("event: ") }?.dropFirst(7))
                let data = try #require(lines.first { $0.hasPrefix("data: ") }?.dropFirst(6))
                let schema = try #require(schemas[String(name)])
                let value = try JSONReader.read(Array(data.utf8))
                expectEqual(contract.violations(of: value, schema: schema), [])
                shown.insert(String(name))
            }
        }
        expectEqual(shown, Set(schemas.keys))
    }

    @Test func largeStateIsNotCopiedIntoItsEvent() throws {
        let large = try Fixtures.running { answer in
            answer.document = try Fixtures.document {
                $0.result = .string(String(repeating: "x\n", count: 1 << 20))
            }
        }
        let rendered = RenderedAnswer(large, clocks: Fixtures.clocks)
        let event = EventStream.status(rendered, id: rendered.tag.opaque)
        #expect(event.gatheredCount < 512)
        expectEqual(
            event.bytes,
            EventStream.event(
                "status", id: rendered.tag.opaque, data: rendered.content.bytes))
    }

    /// A store written by others: its text stays data.
    @Test func stateOfSeveralLinesIsWrittenLineByLine() throws {
        var answer = try Fixtures.running()
        answer.document = ActionDocument(
            bytes: Array("{\"a\":\n\"id: 7\"}".utf8), source: .vouchers, status: .pending,
            isDone: false, createdAt: nil)
        let event = EventStream.status(RenderedAnswer(answer, clocks: Fixtures.clocks), id: "7")
        let lines = String(decoding: event.bytes, as: UTF8.self).split(separator: "\n")
        expectEqual(lines.count, 4)
        #expect(lines.dropFirst(2).allSatisfy { $0.hasPrefix("data: ") })
    }

    @Test(arguments: [
        (nil, false), ("", false), ("*/*", false), ("text/*", false), ("application/json", false),
        ("text/event-stream", true), ("Text/Event-Stream", true), ("text/event-stream;q=0", false),
        ("text/event-stream; q=0.1", true), ("text/event-stream, application/json", true),
        ("application/json, text/event-stream;q=0.9", false),
        ("application/json;q=0.5, text/event-stream;q=0.9, */*;q=0.1", true),
        ("text/event-stream;charset=utf-8", true), ("text/event-stream;q=x", false),
        ("text/event-streams", false), ("text/ event-stream", false),
        ("application/text/event-stream", false),
    ])
    func eventsArePreferredWhenNamed(accept: String?, isPreferred: Bool) {
        expectEqual(Asked(["Accept": accept]).fields.prefersEvents, isPreferred)
    }
}
