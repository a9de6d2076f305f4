import TestSupport
import Testing

@testable import StatusCore

@Suite struct NormalizerTests {
    static let voucherError =
        #"{"code":404,"key":"not_found","message":"Resource not found","details":"Cannot find","#
        + #""request_id":"v-1","resource_id":"aa_0adad13d6f057f088e","resource_type":"async_action"}"#
    static let orderError =
        #"{"code":"DATA_NOT_FOUND","message":"Action not found","errors":[{"message":"m"}]}"#
    static let otherVoucherError =
        #"{"statusCode":404,"error":"Not Found","message":"No such thing"}"#

    // MARK: Status codes

    @Test(
        arguments: [
            (100, .unexpectedStatus), (204, .unexpectedStatus), (206, .unexpectedStatus),
            (301, .redirected), (302, .redirected), (304, .redirected), (308, .redirected),
            (400, .unexpectedStatus), (401, .unauthorized), (402, .paymentRequired),
            (403, .forbidden),
            (405, .unexpectedStatus), (410, .unexpectedStatus), (418, .unexpectedStatus),
            (429, .throttled), (500, .serverError), (502, .serverError), (503, .serverError),
            (504, .serverError), (599, .serverError), (600, .unexpectedStatus),
            (0, .unexpectedStatus),
            (999, .unexpectedStatus), (-1, .unexpectedStatus),
        ] as [(Int, UpstreamFault.Kind)])
    func everyStatusHasItsFaultWhateverTheBody(status: Int, kind: UpstreamFault.Kind) throws {
        let action = #"{"id":"aa_0adad13d6f057f088e","status":"DONE"}"#
        for source in Source.both {
            for body in ["", "<html></html>", action, Self.voucherError, Self.orderError] {
                let fault = try NormalizeFixtures.fault(source, status: status, body)
                expectEqual(fault.kind, kind)
                expectEqual(fault.httpStatus, status)
            }
        }
    }

    @Test(arguments: [200, 201, 202, 203, 299])
    func otherSuccessesAreReadAsTwoHundred(status: Int) throws {
        let body = #"{"id":"aa_0adad13d6f057f088e","status":"DONE"}"#
        let outcome = try NormalizeFixtures.outcome(.vouchers, status: status, body)
        guard case .answered(let document) = outcome else { throw NormalizeFixtures.NoFault() }
        #expect(document.isDone)
    }

    // MARK: 200 with other content

    @Test(
        arguments: [
            ("", .notJSON), ("<!doctype html><html></html>", .notJSON), ("not json", .notJSON),
            (#"{"id":"#, .notJSON), (" ", .notJSON), ("\u{0}", .notJSON),
            ("[]", .malformed), ("null", .malformed), ("7", .malformed), (#""DONE""#, .malformed),
            ("{}", .malformed),
            (#"[{"id":"aa_0adad13d6f057f088e","status":"DONE"}]"#, .malformed),
        ] as [(String, UpstreamFault.Kind)])
    func otherContentIsAFault(body: String, kind: UpstreamFault.Kind) throws {
        for source in Source.both {
            let fault = try NormalizeFixtures.fault(source, body)
            expectEqual(fault.kind, kind)
            #expect(fault.message != nil)
        }
    }

    @Test(arguments: [
        ("br", "; its content coding is br, which was not requested"),
        ("UTF-8", "; its content coding is utf-8, which was not requested"),
        ("gzip", ""), ("identity", ""), ("", ""), (String(repeating: "long ", count: 30), ""),
    ])
    func contentCodingOfABodyThatIsNotJSONIsNamed(coding: String, words: String) throws {
        let reply = UpstreamReply(
            status: 200, fields: [.init("content-encoding", coding)], body: Array("<p>".utf8))
        let outcome = Normalizer.outcome(
            of: reply, about: EntryKey(.orders, try NormalizeFixtures.id(.orders)),
            by: try NormalizeFixtures.reader(of: .orders), now: NormalizeFixtures.now
        ).outcome
        guard case .failed(let fault) = outcome else { throw NormalizeFixtures.NoFault() }
        expectEqual(fault.kind, .notJSON)
        expectEqual(fault.message, "the body is not JSON from byte 0 on\(words)")
    }

    @Test func bodyThatIsTooDeepOrTooLongIsTooLarge() throws {
        let deep = String(repeating: "[", count: 63) + String(repeating: "]", count: 63)
        let start = #"{"id":"aa_0adad13d6f057f088e","status":"DONE","result":"#
        let read = try NormalizeFixtures.outcome(.vouchers, start + deep + "}")
        guard case .answered = read else { throw NormalizeFixtures.NoFault() }
        try expectEqual(NormalizeFixtures.fault(.vouchers, start + "[\(deep)]}").kind, .tooLarge)
        let long = String(repeating: " ", count: 8_388_608)
        try expectEqual(NormalizeFixtures.fault(.vouchers, long + "{}").kind, .tooLarge)
    }

    @Test func bodyThatIsNotUTF8IsNotJSON() throws {
        let reply = UpstreamReply(status: 200, fields: [], body: [0x22, 0xFF, 0x22])
        let outcome = Normalizer.outcome(
            of: reply, about: EntryKey(.orders, try NormalizeFixtures.id(.orders)),
            by: try NormalizeFixtures.reader(of: .orders), now: NormalizeFixtures.now
        ).outcome
        guard case .failed(let fault) = outcome else { throw NormalizeFixtures.NoFault() }
        expectEqual(fault.kind, .notJSON)
    }

    @Test func errorBodyUnderTwoHundredKeepsItsWords() throws {
        let fault = try NormalizeFixtures.fault(.vouchers, Self.voucherError)
        expectEqual(
            fault,
            UpstreamFault(
                kind: .malformed, httpStatus: 200, code: "not_found",
                message: "Resource not found"))
    }

    // MARK: 404

    @Test(
        arguments: [
            (.vouchers, voucherError, "not_found", "Resource not found"),
            (.vouchers, #"{"code":404,"key":"not_found","message":"m"}"#, "not_found", "m"),
            (.vouchers, #"{"code":4.0E2,"key":"not_found","message":"m"}"#, "not_found", "m"),
            (.orders, orderError, "DATA_NOT_FOUND", "Action not found"),
            (.orders, #"{"code":"X","message":"m"}"#, "X", "m"),
            (.orders, #"{"code":"X","message":"","errors":null,"new":1}"#, "X", nil),
        ] as [(Source, String, String?, String?)])
    func documentedShapeMakesA404Real(
        source: Source, body: String, code: String?, message: String?
    ) throws {
        let fault = UpstreamFault(
            kind: .notFound, httpStatus: 404, code: code, message: message)
        try expectEqual(NormalizeFixtures.outcome(source, status: 404, body), .notFound(fault))
        let other: Source = source == .orders ? .vouchers : .orders
        try expectEqual(NormalizeFixtures.fault(other, status: 404, body).kind, .unexpectedStatus)
    }

    /// What web servers, gateways and frameworks answer on an unknown route, and halves of the
    /// documented shapes.
    static let foreign404s = [
        "", "<html>404</html>", "not found", "{}", "[]", "null", #"["code"]"#, #"{"code":null}"#,
        #"{"status":404,"path":"/v1"}"#, #"{"code":404"#,
        #"{"message":"no Route matched with those values"}"#, #"{"message":"Not Found"}"#,
        #"{"message":"no Route matched with those values","request_id":"8d1c"}"#,
        #"{"statusCode":404,"message":"Resource not found"}"#,
        #"{"message":"Route GET:/v1 not found","error":"Not Found","statusCode":404}"#,
        #"{"statusCode":404,"error":"Not Found","message":"Not Found"}"#,
        #"{"code":5,"message":"Not Found","details":[]}"#,
        #"{"code":"404","type":"Status report","message":"Not Found","description":"none"}"#,
        #"{"error_msg":"404 Route Not Found"}"#, #"{"error":"Not Found"}"#,
        #"{"detail":"Not Found"}"#,
        #"{"error":{"code":404,"message":"Not found","status":"NOT_FOUND"}}"#,
        #"{"error":{"code":"ResourceNotFound","message":"none"}}"#,
        #"{"fault":{"faultstring":"No proxy","detail":{"errorcode":"messaging.x"}}}"#,
        #"{"type":"about:blank","title":"Not Found","status":404}"#,
        #"{"timestamp":"2026-11-01T10:00:00Z","status":404,"error":"Not Found","path":"/v1"}"#,
        #"{"code":"X"}"#, #"{"message":"m"}"#, #"{"code":"X","message":null}"#,
        #"{"code":"X","message":{"text":"m"}}"#, #"{"code":"","message":"m"}"#,
        #"{"code":["X"],"message":"m"}"#, #"{"key":"not_found"}"#,
        #"{"key":"not_found","message":"m"}"#, #"{"code":404,"key":"not_found"}"#,
        #"{"code":404,"message":"m"}"#, #"{"code":404,"key":null,"message":"m"}"#,
        #"{"code":404.5,"key":"not_found","message":"m"}"#,
        #"{"code":"404","key":"not_found","message":"m"}"#,
        #"{"code":404,"key":["not_found"],"message":"m"}"#,
    ]

    @Test(arguments: foreign404s)
    func a404OfAnotherShapeIsAFault(body: String) throws {
        for source in Source.both {
            let fault = try NormalizeFixtures.fault(source, status: 404, body)
            expectEqual(fault.kind, .unexpectedStatus)
            expectEqual(fault.httpStatus, 404)
        }
    }

    @Test(arguments: ["route_not_found", "unauthorized", "", "NOT_FOUND"])
    func voucher404WithAnotherKeyIsNotAboutTheAction(key: String) throws {
        let body = #"{"code":404,"key":"\#(key)","message":"m"}"#
        try expectEqual(
            NormalizeFixtures.fault(.vouchers, status: 404, body).kind, .unexpectedStatus)
    }

    @Test func statusTakesPrecedenceOverTheBodysCode() throws {
        try expectEqual(
            NormalizeFixtures.fault(.vouchers, status: 500, Self.voucherError).kind,
            .serverError)
        let body = #"{"code":400,"key":"not_found","message":"m"}"#
        guard case .notFound = try NormalizeFixtures.outcome(.vouchers, status: 404, body) else {
            throw NormalizeFixtures.NoFault()
        }
    }

    // MARK: Words of faults

    @Test(
        arguments: [
            (voucherError, "not_found", "Resource not found"),
            (otherVoucherError, "404", "No such thing"),
            (orderError, "DATA_NOT_FOUND", "Action not found"),
            (#"{"code":402,"details":"plan"}"#, "402", "plan"), ("<html>", nil, nil),
            ("", nil, nil),
            (#"{"code":{},"message":[]}"#, nil, nil), (#"{"code":"  ","message":"\n"}"#, nil, nil),
            (
                #"{"message":"a\u0000b\r\nForged: line\u001b[31m\u202e"}"#, nil,
                "ab Forged: line[31m"
            ),
            (
                #"{"message":"report at https://files.example/r.csv?sig=abc, twice"}"#, nil,
                "report at [link] twice"
            ),
            (#"{"message":"(HTTPS://X.example)"}"#, nil, "[link]"),
            (#"{"message":"at s3.example.com/r.csv?X-Sig=1 now"}"#, nil, "at [link] now"),
            (
                #"{"message":"raw https:\\/\\/x\\/y and https%3A%2F%2Fx"}"#, nil,
                "raw [link] and [link]"
            ),
            (#"{"message":"ht\u200btps:/\u0000/x.example/y"}"#, nil, "[link]"),
            (
                #"{"message":"token 3f6f7a2e-11f4-4f0b-9f4c-2b0a5a0c7d1e refused"}"#, nil,
                "token [hidden] refused"
            ),
            (
                #"{"message":"Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x"}"#, nil,
                "Bearer [hidden].[hidden].x"
            ),
            (
                #"{"message":"no async action \"aa_0adad13d6f057f088e\"."}"#, nil,
                #"no async action "aa_0adad13d6f057f088e"."#
            ),
            (
                #"{"code":"SYNCHRONIZATION_DEACTIVATED","message":"and/or"}"#,
                "SYNCHRONIZATION_DEACTIVATED", "and/or"
            ),
        ] as [(String, String?, String?)])
    func messageOfTheUpstreamIsCleanedAndKept(body: String, code: String?, message: String?) throws
    {
        let fault = try NormalizeFixtures.fault(.vouchers, status: 500, body)
        expectEqual(fault.code, code)
        expectEqual(fault.message, message)
    }

    @Test(arguments: ["x", "é", "€", "😀", "a b "])
    func longMessageIsCutBetweenScalars(piece: String) throws {
        let long = String(repeating: piece, count: 400)
        let fault = try NormalizeFixtures.fault(.vouchers, status: 500, #"{"message":"\#(long)"}"#)
        let message = try #require(fault.message)
        #expect(message.utf8.count <= 300 && message.utf8.count > 296)
        #expect(long.hasPrefix(message))
    }

    // MARK: Hostile input

    /// Seeds that once failed are added to this list.
    @Test(arguments: [1, 2, 3, 0xC0FFEE] as [UInt64])
    func mutatedBodiesHaveAnOutcome(seed: UInt64) throws {
        var random = JSONFixtures.Random(seed: seed)
        let body =
            #"{"id":"aa_0adad13d6f057f088e","status":"DONE","progress":100,"result":"#
            + #"{"failed":[{"row":3,"reason":"r"}],"done_count":1,"failed_count":1}}"#
        let id = try NormalizeFixtures.id(.vouchers)
        let reader = try NormalizeFixtures.reader(of: .vouchers)
        for _ in 0..<1000 {
            let status = [200, 200, 200, 404, 500].randomElement(using: &random) ?? 200
            let reply = UpstreamReply(
                status: status, fields: [], body: random.mutated(Array(body.utf8)))
            let (outcome, _) = Normalizer.outcome(
                of: reply, about: EntryKey(.vouchers, id), by: reader, now: NormalizeFixtures.now)
            if case .answered(let document) = outcome {
                try expectEqual(JSONReader.read(document.bytes)["id"], .string(id.text))
            }
        }
    }
}
