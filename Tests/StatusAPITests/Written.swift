// Reads a rendered answer back into a value, as it leaves the writer.

import HTTPWire
import StatusCore

@testable import StatusAPI

enum Written {
    /// Fields that the wire adds.
    private static let wireFields: Set<String> = [
        "Date", "Content-Length", "Connection", "X-Request-Id",
    ]

    static func response(
        _ answer: Answer, ifMatch: String? = nil, ifNoneMatch: String? = nil, clocks: Clocks,
        for caches: CacheScope = .shared, coding: AcceptedCoding = .identity
    ) -> Response {
        var writer = ResponseWriter()
        writer.prepare(AnswerShape(isHead: false, version: .http11, keepAlive: true))
        var request = RequestFields()
        request.preconditions = .of(ifMatch, noneMatch: ifNoneMatch)
        request.coding = coding
        let status = RenderedAnswer(answer, clocks: clocks).write(
            request, .made(7), now: clocks.instant, for: caches, into: &writer)
        return read(writer.output, status: status)
    }

    private static func read(_ bytes: [UInt8], status: Int) -> Response {
        let mark = Array("\r\n\r\n".utf8)
        let end = bytes.indices.first { bytes[$0...].starts(with: mark) } ?? bytes.endIndex
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let fields = lines.dropFirst().map { line in
            let halves = line.split(separator: ":", maxSplits: 1)
            return Field(name: String(halves[0]), value: String(halves[1].dropFirst()))
        }
        return Response(
            status: status, fields: fields.filter { !wireFields.contains($0.name) },
            body: Array(bytes[(end + mark.count)...]))
    }
}
