// Hostile texts as the states of a stream, written for any peer and read back in pieces: the same
// events come out, and nothing in a text ever makes a field, a line or an event of its own.
//
// The input: one byte of flags (1: HEAD, 2: HTTP/1.0), one byte for each piece's size, a line feed,
// and the texts, each up to a byte 0x1E. An empty text stands for a comment.

import HTTPWire

@testable import StatusAPI
@testable import StatusCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let plan = StreamPlan(copied(start, count)) else { return 0 }
    // Unchanged, since text that is not JSON must not break the framing either.
    check(plan, plan.texts, events: plan.texts)
    // As in practice: in strings of JSON, one line each.
    let documents = plan.texts.map { text in
        text.isEmpty ? [] : JSONWriter.bytes(of: .string(String(decoding: text, as: UTF8.self)))
    }
    for document in documents {
        require(document.allSatisfy { $0 >= 0x20 }, "a control byte in JSON")
    }
    check(plan, documents, events: documents)
    return 0
}

private func check(_ plan: StreamPlan, _ texts: [[UInt8]], events: [[UInt8]]) {
    let pieces = texts.enumerated().map { index, text in
        text.isEmpty
            ? EventStream.comment
            : EventStream.event("status", id: plan.tag(index).opaque, data: text)
    }
    let bytes = written(pieces, plan.shape)
    let content = plan.shape.isHead ? [] : pieces.flatMap { $0 }
    let head = headLength(bytes)
    if plan.shape.streamFraming == .chunked {
        var reader = ChunkReader()
        for piece in plan.cut(Array(bytes[head...])) { reader.take(piece) }
        require(reader.isEnded, "the chunks have no end")
        require(reader.content == content, "other content")
    } else {
        require(Array(bytes[head...]) == content, "other content")
    }
    var reader = EventReader()
    for piece in plan.cut(content) { reader.take(piece) }
    let reported = texts.enumerated().filter { !$1.isEmpty }
    require(reader.isBetweenEvents, "half an event")
    require(
        plan.shape.isHead || reader.events.count == reported.count, "\(reader.events.count) events")
    for (event, text) in zip(reader.events, reported) {
        require(event.id == Array(plan.tag(text.offset).opaque.utf8), "another id")
        require(event.name == Array("status".utf8), "another name")
        require(event.data == withPlainLineEnds(text.element), "other data")
    }
}

private func written(_ pieces: [[UInt8]], _ shape: AnswerShape) -> [UInt8] {
    var writer = ResponseWriter()
    writer.prepare(shape)
    writer.beginStream(EventStream.head)
    for piece in pieces { writer.piece(Content(piece), shape.streamFraming) }
    writer.endStream(shape.streamFraming)
    require(writer.isAnswered, "no answer")
    return writer.output
}

private func headLength(_ bytes: [UInt8]) -> Int {
    let end: [UInt8] = [13, 10, 13, 10]
    guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else {
        fatalError("the head has no end")
    }
    return start + end.count
}

/// CRLF and CR come back as LF, since a reader cannot distinguish them.
private func withPlainLineEnds(_ text: [UInt8]) -> [UInt8] {
    var plain: [UInt8] = []
    for (index, byte) in text.enumerated() {
        if byte == 10, index > 0, text[index - 1] == 13 { continue }
        plain.append(byte == 13 ? 10 : byte)
    }
    return plain
}

/// The input's settings.
struct StreamPlan {
    let shape: AnswerShape
    let sizes: [Int]
    let texts: [[UInt8]]

    private static let sizesMax = 32

    /// Nil without a line feed after the sizes.
    init?(_ input: [UInt8]) {
        guard let lineEnd = input.prefix(Self.sizesMax + 2).firstIndex(of: 10), lineEnd > 0 else {
            return nil
        }
        let isOld = input[0] & 2 != 0
        shape = AnswerShape(
            isHead: input[0] & 1 != 0, version: isOld ? .http10 : .http11, keepAlive: !isOld)
        let sizes = input[1..<lineEnd].map { $0 > 32 ? Int($0) - 32 : 1 }
        self.sizes = sizes.isEmpty ? [7] : sizes
        texts = input[(lineEnd + 1)...].split(
            separator: 0x1E, omittingEmptySubsequences: false
        ).map(Array.init)
    }

    /// Each event has its own tag, and the tags use every digit.
    func tag(_ index: Int) -> EntityTag {
        let digits = String(UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15, radix: 16)
        let opaque = String(repeating: "0", count: 16 - digits.count) + digits
        return EntityTag(opaque: Array(opaque.utf8).span) ?? { fatalError("a tag") }()
    }

    func cut(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(sizes[pieces.count % sizes.count])
            pieces.append(piece)
            rest = rest.dropFirst(piece.count)
        }
        return pieces
    }
}
