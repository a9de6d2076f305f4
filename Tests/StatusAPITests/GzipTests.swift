import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct GzipTests {
    private func large(_ bytes: Int) throws -> Answer {
        try Fixtures.running { answer in
            answer.document = try Fixtures.document {
                $0.result = .string(String(repeating: "voucher ", count: bytes / 8))
            }
        }
    }

    private func response(_ answer: Answer, _ coding: AcceptedCoding) throws -> Response {
        let response = Written.response(answer, clocks: Fixtures.clocks, coding: coding)
        try expectKept(
            Response(
                status: response.status, fields: response.fields,
                body: Gunzip.unfold(response.body) ?? response.body),
            path: "/actions/{id}")
        return response
    }

    @Test(arguments: [1024, 70_000, 1 << 20])
    func largeActionDecodesToItself(bytes: Int) throws {
        let answer = try large(bytes)
        let plain = try response(answer, .gzip)
        #expect(plain.value(of: "Content-Encoding") == nil, "nobody has compressed it yet")
        answer.document.compress()
        let folded = try response(answer, .gzip)
        expectEqual(folded.value(of: "Content-Encoding"), "gzip")
        expectEqual(folded.value(of: "ETag"), plain.value(of: "ETag"))
        expectEqual(Gunzip.unfold(folded.body), plain.body)
        #expect(folded.body.count < plain.body.count / 2)
        try expectEqual(response(answer, .identity).body, plain.body)
    }

    @Test func smallActionIsCompressedOnlyIfIdentityIsRefused() throws {
        let answer = try Fixtures.running()
        answer.document.compress()
        #expect(try response(answer, .gzip).value(of: "Content-Encoding") == nil)
        let folded = try response(answer, .gzipOnly)
        expectEqual(folded.value(of: "Content-Encoding"), "gzip")
        expectEqual(Gunzip.unfold(folded.body), (try response(answer, .identity)).body)
    }

    /// It is compressed once, whoever holds a copy of the state.
    @Test func copiesShareTheCompressedForm() throws {
        let answer = try large(4096)
        let copy = answer
        answer.document.compress()
        let form = answer.document.compressed
        #expect(form != nil && copy.document.compressed === form)
        copy.document.compress()
        #expect(answer.document.compressed === form)
    }

    /// Of compressed states, uncompressed states, and failures.
    @Test func batchDecodesToItself() throws {
        let folded = try large(5000)
        folded.document.compress()
        let items = [
            BatchItem(id: "a", folded), BatchItem(id: "b", try Fixtures.finished()),
            BatchItem(id: "c", result: .failure(.invalidID)), BatchItem(id: "d", folded),
            BatchItem(id: "e", try large(200_000)),
        ]
        let plain = BatchWriter.content(items, clocks: Fixtures.clocks).bytes
        let content = BatchWriter.content(items, clocks: Fixtures.clocks, isCompressed: true)
        expectEqual(Gunzip.unfold(content.bytes), plain)
        var request = RequestFields()
        request.coding = .gzip
        #expect(BatchWriter.isCompressed(items, for: request))
        let left = [items[1], items[4]].reduce(0) {
            $0 + ((try? $1.result.get())?.answer.document.bytes.count ?? 0)
        }
        expectEqual(BatchWriter.bytesToCompress(items, for: request), left)
    }
}
