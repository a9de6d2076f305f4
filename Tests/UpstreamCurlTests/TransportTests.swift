import CCurl
import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

struct SendGuardTests {
    private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

    @Test func sendIsAllowedOnceAndOnlyInTime() {
        var inTime = SendGuard(sendBefore: at(10))
        let answers = (1...3).map { _ in inTime.ask(now: at(9), leftAloneUntil: at(9)) }
        expectEqual(answers, [true, false, false])
        expectEqual(inTime.sentAt, at(9))
        expectEqual(inTime.refusal, .repeated)

        var late = SendGuard(sendBefore: at(10))
        let lateAnswers = [10, 9].map { late.ask(now: at($0), leftAloneUntil: at(0)) }
        expectEqual(lateAnswers, [false, false], "no is no")
        #expect(late.sentAt == nil)
        expectEqual(late.refusal, .tooLate)
    }

    @Test func sendIsRefusedDuringAPause() {
        var early = SendGuard(sendBefore: at(10))
        let answers = [8, 9].map { early.ask(now: at(7), leftAloneUntil: at($0)) }
        expectEqual(answers, [false, false])
        #expect(early.sentAt == nil)
        expectEqual(early.refusal, .leftAlone)
    }

    @Test func aRepetitionIsReportedAsOne() {
        for (now, leftAloneUntil) in [(Int64(10), Int64(0)), (7, 8)] {
            var repeated = SendGuard(sendBefore: at(10), sendsMax: 2)
            let first = repeated.ask(now: at(6), leftAloneUntil: at(0))
            let second = repeated.ask(now: at(now), leftAloneUntil: at(leftAloneUntil))
            expectEqual([first, second], [true, false])
            expectEqual(repeated.sentAt, at(6))
            expectEqual(repeated.refusal, .repeated)
        }
    }
}

struct ResponseCollectorTests {
    private func take(_ lines: [String], limits: ResponseLimits = ResponseLimits())
        -> ResponseCollector
    {
        var collector = ResponseCollector(limits: limits)
        for line in lines {
            let goesOn = Array((line + "\r\n").utf8).withUnsafeBytes { collector.takeLine($0) }
            if !goesOn { break }
        }
        return collector
    }

    @Test func onlyTheFinalHeadsFieldsAreTaken() {
        let collector = take([
            "HTTP/1.1 100 Continue", "Early: 1", "", "HTTP/1.1 200 OK", "ETag:  W/\"a:b\" ",
            "Empty:", "no colon", "Folded: a", "  b", "", "Trailer: 1",
        ])
        expectEqual(
            collector.fields,
            [
                UpstreamReply.Field("etag", "W/\"a:b\""), UpstreamReply.Field("empty", ""),
                UpstreamReply.Field("folded", "a b"),
            ])
        #expect(collector.isHeadWhole)
        #expect(collector.overflow == nil)
    }

    @Test func headIsCompleteAtItsEmptyLine() {
        #expect(!take(["HTTP/1.1 200 OK", "A: b"]).isHeadWhole)
        #expect(!take(["HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK"]).isHeadWhole)
    }

    @Test func invalidUTF8IsReplaced() {
        var collector = ResponseCollector(limits: ResponseLimits())
        let line: [UInt8] = Array("A: ".utf8) + [0xFF, 0x0D, 0x0A]
        let goesOn = line.withUnsafeBytes { collector.takeLine($0) }
        #expect(goesOn)
        expectEqual(collector.fields, [UpstreamReply.Field("a", "\u{FFFD}")])
    }

    @Test func limitsOfATransferHold() {
        let limits = ResponseLimits(bodyBytesMax: 3, fieldBytesMax: 40, fieldsMax: 2)
        #expect(take(["A: 1", "B: 2"], limits: limits).overflow == nil)
        expectEqual(take(["A: 1", "B: 2", "C: 3"], limits: limits).overflow, .fields)
        expectEqual(
            take([String(repeating: "a", count: 40)], limits: limits).overflow, .fields)
        let bytes: [UInt8] = [1, 2, 3]
        var collector = ResponseCollector(limits: limits)
        let first = bytes.withUnsafeBytes { collector.takeBody($0) }
        let second = bytes.withUnsafeBytes { collector.takeBody($0) }
        #expect(first && !second)
        expectEqual(collector.overflow, .body)
        expectEqual(collector.body, bytes)
    }
}

struct CurlFailureTableTests {
    private static let transportKinds: Set<UpstreamFault.Kind> = [
        .connectFailed, .tlsFailed, .connectionLost, .timedOut, .tooLarge, .malformed,
        .outOfResources,
    ]

    @Test func everyCodeHasAKindThatThePortKnows() {
        for number in 1..<UInt32(CURL_LAST.rawValue) {
            for wasSent in [false, true] {
                let kind = CurlFailureTable.kind(of: CURLcode(number), wasSent: wasSent)
                #expect(Self.transportKinds.contains(kind))
            }
        }
    }

    @Test func noCodeIsListedTwice() {
        let codes = CurlFailureTable.rows.map(\.code.rawValue)
        expectEqual(Set(codes).count, codes.count)
    }

    @Test func detailNamesCodeCauseAndErrno() {
        let detail = CurlFailureTable.detail(
            of: CURLE_COULDNT_CONNECT, kind: .connectFailed, systemError: 111, note: "port 1")
        expectEqual(
            detail,
            "CURLE_COULDNT_CONNECT (7): Couldn't connect to server; port 1;"
                + " errno 111: Connection refused")
    }

    @Test func noteIsIncludedOnlyBeforeASecretWasSent() {
        let detail = CurlFailureTable.detail(
            of: CURLE_WEIRD_SERVER_REPLY, kind: .malformed, systemError: 0, note: "echo")
        #expect(!detail.contains("echo"))
    }
}
