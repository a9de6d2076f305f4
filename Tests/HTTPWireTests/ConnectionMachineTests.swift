// Runs the corpus, case by case, however its bytes are split, and tests what a corpus cannot express.

import Foundation
import HTTPWire
import TestSupport
import Testing

extension CorpusCase {
    static let traces = all(in: .module)

    fileprivate var wantsFields: Bool { expected.contains { $0.hasPrefix("field ") } }
}

struct ConnectionMachineTests {
    @Test(arguments: CorpusCase.traces)
    func corpusCaseGivesItsTrace(_ corpusCase: CorpusCase) {
        let trace = Walk.trace(
            [corpusCase.input[...]], inputEnds: corpusCase.inputEnds,
            showsFields: corpusCase.wantsFields)
        expectEqual(trace, corpusCase.expected)
    }

    @Test(arguments: CorpusCase.traces)
    func traceIsTheSameHoweverTheBytesAreCut(_ corpusCase: CorpusCase) {
        let input = corpusCase.input
        let expected = corpusCase.expected.filter { $0 != "continue" }
        // The few inputs at the limits are split in 60 positions.
        let stride = input.count < 1_000 ? 1 : input.count / 60
        for cut in Swift.stride(from: 0, through: input.count, by: stride) {
            let trace = trace(corpusCase, [input[..<cut], input[cut...]])
            if trace != expected {
                Issue.record("cut at \(cut): \(trace)")
                return
            }
        }
        expectEqual(trace(corpusCase, input.indices.map { input[$0...$0] }), expected)
    }

    private func trace(_ corpusCase: CorpusCase, _ pieces: [ArraySlice<UInt8>]) -> [String] {
        Walk.trace(
            pieces, inputEnds: corpusCase.inputEnds, showsFields: corpusCase.wantsFields
        ).filter { $0 != "continue" }
    }

    @Test func corpusIsNotEmpty() {
        #expect(CorpusCase.traces.count > 200)
        expectEqual(Set(CorpusCase.traces.map(\.name)).count, CorpusCase.traces.count)
    }

    @Test func everyRefusalButTheTimerIsInTheCorpus() {
        let seen = Set(CorpusCase.traces.compactMap(\.expected.last))
        for refusal in Refusal.allCases where refusal != .timedOut {
            #expect(seen.contains("refuse \(refusal.status) \(refusal)"), "\(refusal)")
        }
    }

    @Test func requestsWaitWhileOneIsAnswered() {
        let bytes = Array("GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.0\r\n\r\n".utf8)
        var machine = ConnectionMachine()
        var head = RequestHead()
        let parser = RequestParser()
        expectEqual(machine.advance(bytes.span, parser, &head), .deliver)
        expectEqual(machine.advance(bytes.span, parser, &head), .wait)
        let (none, rest) = machine.keep(bytes.count)
        #expect(none.isEmpty)
        expectEqual(rest, 19..<38)
        machine.answered()
        let kept = Array(bytes[rest])
        expectEqual(machine.advance(kept.span, parser, &head), .deliver)
        expectEqual(head.path, 4..<6)
    }

    @Test func timeRunsOutWithA408OnlyOnceARequestHasBegun() {
        var idle = ConnectionMachine()
        expectEqual(idle.timedOut(), .needMore)
        var begun = ConnectionMachine()
        var head = RequestHead()
        expectEqual(begun.advance(Array("GET".utf8).span, RequestParser(), &head), .needMore)
        expectEqual(begun.timedOut(), .refuse(.timedOut))
    }

    @Test func headIsKeptWhileContentArrivesInPieces() {
        let pieces = [
            "GET /0 HTTP/1.1\r\nHost: a\r\n\r\nPOST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\na",
            "b", "c", "dGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        ]
        let trace = Walk.trace(pieces.map { Array($0.utf8)[...] })
        expectEqual(
            trace,
            [
                "request GET origin path=/0 authority=a HTTP/1.1 keep",
                "content abcd",
                "request POST origin path=/1 authority=a HTTP/1.1 keep length=4",
                "request GET origin path=/2 authority=a HTTP/1.1 keep",
                "idle",
            ])
    }

    @Test func arbitraryBytesNeverTrapAndKeepTheirVerdictWhenCut() {
        // A fixed seed, so that a failure repeats.
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let seeds = CorpusCase.traces.map(\.input).filter { $0.count < 400 }
        for _ in 0..<4_000 {
            var bytes = seeds[next(seeds.count)] + seeds[next(seeds.count)]
            for _ in 0...next(4) where !bytes.isEmpty {
                switch next(3) {
                case 0: bytes[next(bytes.count)] = UInt8(next(256))
                case 1: bytes.remove(at: next(bytes.count))
                default: bytes.insert(UInt8(next(256)), at: next(bytes.count))
                }
            }
            bytes += [13, 10, 13, 10]
            let whole = Walk.trace([bytes[...]]).filter { $0 != "continue" }
            let cut = next(bytes.count)
            let parts = Walk.trace([bytes[..<cut], bytes[cut...]]).filter { $0 != "continue" }
            expectEqual(whole, parts, "\(Escapes.text(bytes)) cut at \(cut)")
        }
    }
}
