import TestSupport
import Testing

@testable import StatusCore

@Suite struct VouchersNormalizerTests {
    private func document(_ members: String) throws -> JSONValue {
        try NormalizeFixtures.document(
            .vouchers, #"{"id":"\#(NormalizeFixtures.voucherID)"\#(members)}"#)
    }

    private func done(_ operationStatus: String?, _ result: String) throws -> JSONValue {
        let operation = operationStatus.map { #","operation_status":"\#($0)""# } ?? ""
        return try document(#","status":"DONE"\#(operation),"result":\#(result)"#)
    }

    // MARK: The truth table

    @Test(arguments: [
        ("ENQUEUED", "PENDING", false), ("IN_PROGRESS", "IN_PROGRESS", false),
        ("FAILED", "FAILED", true), ("SUCCESS", "UNKNOWN", false), ("done", "UNKNOWN", false),
        ("", "UNKNOWN", false), ("CANCELLED", "UNKNOWN", false),
    ])
    func statusOtherThanDoneDecidesAlone(word: String, status: String, isDone: Bool) throws {
        for operation in ["SUCCESS", "FAILED", "UNKNOWN", "NEW"] {
            for result in ["null", #"{"done_count":1,"failed_count":1}"#] {
                let document = try document(
                    #","status":"\#(word)","operation_status":"\#(operation)","result":\#(result)"#)
                expectEqual(document["status"], .string(status))
                expectEqual(document["done"], .bool(isDone))
                expectEqual(document["upstream"]?["status"], .string(word))
                expectEqual(document["upstream"]?["operation_status"], .string(operation))
            }
        }
    }

    @Test(arguments: ["", #","status":null"#, #","status":7"#, #","status":["DONE"]"#])
    func absentStatusBesideAnIDIsUnknownAndNotDone(member: String) throws {
        let document = try document(member)
        expectEqual(document["status"], .string("UNKNOWN"))
        expectEqual(document["done"], .bool(false))
        #expect(document["upstream"]?["status"] == nil)
    }

    @Test(arguments: [
        "null", "{}", #"{"done_count":1}"#, #"{"done_count":1,"failed_count":0}"#,
        #"{"done_count":1,"failed_count":1}"#,
    ])
    func doneWithAFailedOperationIsFailed(result: String) throws {
        let document = try done("FAILED", result)
        expectEqual(document["status"], .string("FAILED"))
        expectEqual(document["done"], .bool(true))
    }

    /// `result`, then the status with operation `SUCCESS`, then with `UNKNOWN`, another word or none.
    static let table = [
        // Something failed, something done.
        (#"{"done_count":1,"failed_count":1}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (#"{"done_count":1,"failed":[{}]}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (#"{"done_count":1,"failed":{"row":1}}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (#"{"done_count":1,"failed":["x"]}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (#"{"done_count":1,"errors":[{}]}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (
            #"{"done_count":2,"failed_count":0,"failed":[{}]}"#, "PARTIALLY_SUCCEEDED",
            "PARTIALLY_SUCCEEDED"
        ),
        // Something failed, but nothing says that all did.
        (#"{"failed_count":3}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (#"{"failed":[{"row":1},{"row":2}]}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (#"{"errors":[{"key":"x"}]}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (#"{"done_count":null,"failed_count":1}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (#"{"done_count":"5","failed_count":1}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        // Something failed, nothing done.
        (#"{"done_count":0,"failed_count":3}"#, "FAILED", "FAILED"),
        (#"{"done_count":0,"failed":[{},{}]}"#, "FAILED", "FAILED"),
        (#"{"done_count":0,"errors":[{}]}"#, "FAILED", "FAILED"),
        (#"{"done_count":0e9,"failed_count":1}"#, "FAILED", "FAILED"),
        // If there are results, the items decide, whatever is counted as done.
        (#"{"done_count":2,"results":[{"found":false},{"found":false}]}"#, "FAILED", "FAILED"),
        (#"{"results":[{"found":false,"updated":false}]}"#, "FAILED", "FAILED"),
        (#"{"results":{"found":false}}"#, "FAILED", "FAILED"),
        (
            #"{"done_count":0,"results":[{"found":false},{"found":true,"updated":false}]}"#,
            "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"
        ),
        (#"{"results":[{"found":false},{}]}"#, "PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED"),
        (
            #"{"results":[{"found":true}],"failed_count":1}"#, "PARTIALLY_SUCCEEDED",
            "PARTIALLY_SUCCEEDED"
        ),
        (#"{"done_count":0,"failed_count":1,"results":[]}"#, "FAILED", "FAILED"),
        (
            #"{"done_count":1,"failed_count":1,"results":[]}"#, "PARTIALLY_SUCCEEDED",
            "PARTIALLY_SUCCEEDED"
        ),
        // Nothing failed: a count says so, or a list that could name a failure.
        (#"{"done_count":5}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"done_count":0}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"failed_count":0}"#, "SUCCEEDED", "SUCCEEDED"),
        (
            #"{"done_count":0,"failed_count":0,"failed":[],"errors":[]}"#, "SUCCEEDED", "SUCCEEDED"
        ),
        (#"{"done_count":3.0}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"done_count":99999999999999999999}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"failed":[]}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"failed":{},"errors":null}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"errors":[]}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"results":[]}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"results":[{"found":true,"updated":false},{}]}"#, "SUCCEEDED", "SUCCEEDED"),
        (#"{"results":[{"found":null}]}"#, "SUCCEEDED", "SUCCEEDED"),
        // No counts, no failures.
        ("null", "SUCCEEDED", "UNKNOWN"), ("{}", "SUCCEEDED", "UNKNOWN"),
        (#"{"message":"7 failed"}"#, "SUCCEEDED", "UNKNOWN"),
        (#"{"failed":null,"errors":null,"results":null}"#, "SUCCEEDED", "UNKNOWN"),
        (#"{"done_count":1.5}"#, "SUCCEEDED", "UNKNOWN"),
        (#"{"done_count":"5"}"#, "SUCCEEDED", "UNKNOWN"),
        (#"{"done_count":-5}"#, "SUCCEEDED", "UNKNOWN"),
        (#""text""#, "SUCCEEDED", "UNKNOWN"), ("[1]", "SUCCEEDED", "UNKNOWN"),
    ]

    /// Members that may report a failure and cannot be read.
    static let unreadable = [
        #""failed_count":"2""#, #""failed_count":1.5"#, #""failed_count":true"#,
        #""failed_count":false"#, #""failed_count":-1"#, #""failed_count":1e-1"#,
        #""failed_count":[]"#, #""failed_count":{}"#, #""failed":2"#, #""failed":0"#,
        #""failed":"yes""#, #""failed":true"#, #""errors":"x""#, #""errors":false"#,
        #""errors":7"#, #""results":"x""#, #""results":3"#, #""results":["SUMMER"]"#,
        #""results":[{"found":"false"}]"#, #""results":[{"found":0}]"#, #""results":{"found":1}"#,
    ]

    private func expect(
        _ status: String, of result: String, with operation: String?
    ) throws {
        let document = try done(operation, result)
        expectEqual(document["status"], .string(status), "operation_status \(operation ?? "-")")
        expectEqual(document["done"], .bool(true))
        let kept = try NormalizeFixtures.json(result)
        expectEqual((document["result"] ?? .null).sortedText, kept.sortedText)
    }

    @Test(arguments: table)
    func doneMeansEndedAndTheItemsDecide(
        result: String, withSuccess: String, otherwise: String
    ) throws {
        try expect(withSuccess, of: result, with: "SUCCESS")
        for operation in ["UNKNOWN", "NEW", "success", nil] {
            try expect(otherwise, of: result, with: operation)
        }
        try expect("FAILED", of: result, with: "FAILED")
    }

    @Test(arguments: unreadable)
    func failuresThatCannotBeReadAreUnknownAndDone(member: String) throws {
        for others in ["", #","done_count":5"#, #","message":"Done""#] {
            for operation in ["SUCCESS", "UNKNOWN", "NEW", nil] {
                try expect("UNKNOWN", of: "{\(member)\(others)}", with: operation)
            }
            try expect("FAILED", of: "{\(member)\(others)}", with: "FAILED")
        }
    }

    /// Bodies of random members; a failure is recognised by the member's text alone.
    @Test(arguments: [1, 2, 3, 0xBADC0DE] as [UInt64])
    func noSignOfAFailureEndsAsSucceeded(seed: UInt64) throws {
        let signs =
            Self.unreadable + [
                #""failed_count":1"#, #""failed_count":1E+1"#, #""failed_count":5.0"#,
                #""failed_count":1e400"#, #""failed_count":99999999999999999999"#,
                #""failed_count":0.1e1"#, #""failed":[{}]"#, #""failed":[null]"#,
                #""failed":["x"]"#, #""failed":{"row":1}"#, #""errors":[{"key":"k"}]"#,
                #""errors":{"key":"k"}"#, #""results":[{"found":false}]"#,
                #""results":[{"found":true},{"found":false}]"#, #""results":{"found":false}"#,
            ]
        let harmless = [
            #""done_count":5"#, #""done_count":0"#, #""done_count":"5""#, #""failed_count":0"#,
            #""failed_count":0.0e5"#, #""failed_count":null"#, #""failed":[]"#, #""failed":{}"#,
            #""failed":null"#, #""errors":[]"#, #""errors":null"#, #""results":[]"#,
            #""results":[{"found":true}]"#, #""message":"Done""#, #""reports":[]"#,
        ]
        var random = JSONFixtures.Random(seed: seed)
        for _ in 0..<2000 {
            // The last of several members with one name counts.
            var members: [Substring: String] = [:]
            for member in harmless.shuffled(using: &random).prefix(
                .random(in: 0...6, using: &random))
            {
                members[member.prefix { $0 != ":" }] = member
            }
            let sign = try #require(signs.randomElement(using: &random))
            members[sign.prefix { $0 != ":" }] = sign
            let result = members.values.sorted().shuffled(using: &random).joined(separator: ",")
            let operation = ["SUCCESS", "UNKNOWN", "NEW", "FAILED", nil].randomElement(
                using: &random)
            let document = try done(operation ?? nil, "{\(result)}")
            #expect(document["status"] != .string("SUCCEEDED"), "{\(result)}")
            expectEqual(document["done"], .bool(true))
        }
    }

    // MARK: Counts and result

    @Test(arguments: [
        (#"{"done_count":1,"failed_count":2}"#, #"{"succeeded":1,"failed":2}"#),
        (#"{"done_count":1}"#, #"{"succeeded":1,"failed":null}"#),
        (#"{"failed_count":2}"#, #"{"succeeded":null,"failed":2}"#),
        (#"{"done_count":3.0,"failed_count":"2"}"#, #"{"succeeded":3,"failed":null}"#),
        (#"{"done_count":5,"failed_count":1E+1}"#, #"{"succeeded":5,"failed":10}"#),
        (#"{"done_count":-0,"failed_count":1.20e3}"#, #"{"succeeded":0,"failed":1200}"#),
        (
            #"{"done_count":99999999999999999999,"failed_count":1e20}"#,
            #"{"succeeded":99999999999999999999,"failed":100000000000000000000}"#
        ),
        (#"{"done_count":1e400}"#, #"{"succeeded":1e400,"failed":null}"#),
        (#"{"failed":[{},{}]}"#, "null"), ("{}", "null"), ("null", "null"),
        (#"{"done_count":null,"failed_count":null}"#, "null"),
    ])
    func countsAreReportedOrNil(result: String, counts: String) throws {
        let expected = try NormalizeFixtures.json(counts)
        expectEqual(try done(nil, result)["counts"] ?? .null, expected)
    }

    @Test func resultKeepsItsMeaningExactly() throws {
        let result =
            #"{"z":9007199254740993,"a":1.10,"n":null,"e":"é\u0000","m":{"b":[1e400,-0],"a":[]},"#
            + #""reports":["https://files.example/r.csv?sig=1"]}"#
        let outcome = try NormalizeFixtures.outcome(
            .vouchers, #"{"id":"aa_0adad13d6f057f088e","status":"DONE","result":\#(result)}"#)
        guard case .answered(let document) = outcome else { throw NormalizeFixtures.NoFault() }
        let sorted =
            #""result":{"a":1.10,"e":"é\u0000","m":{"a":[],"b":[1e400,-0]},"n":null,"#
            + #""reports":["https://files.example/r.csv?sig=1"],"z":9007199254740993}"#
        #expect(String(decoding: document.bytes, as: UTF8.self).contains(sorted))
    }

    // MARK: Errors

    @Test(
        arguments: [
            (#"{"code":"SUMMER","row":3,"source_id":"s","reason":"taken"}"#, "taken", "SUMMER"),
            (#"{"code":"","row":3,"source_id":"s","reason":"taken"}"#, "taken", "s"),
            (
                #"{"code":null,"row":3,"source_id":"","reason":"Internal error"}"#,
                "Internal error", "row 3"
            ),
            (#"{"row":3,"source_id":null,"reason":null}"#, nil, "row 3"),
            (#"{"row":3.0}"#, nil, "row 3"), (#"{"row":"3","reason":7}"#, nil, nil),
            (#"{"row":null,"code":5}"#, nil, nil), ("{}", nil, nil),
        ] as [(String, String?, String?)])
    func failedItemIsListedWithItsTarget(item: String, message: String?, target: String?) throws {
        let document = try done(nil, #"{"failed":[\#(item)]}"#)
        let error = try #require(document["errors"]?.array?.first)
        expectEqual(error["code"], .string("ITEM_FAILED"))
        expectEqual(error["message"], message.map { .string($0) })
        expectEqual(error["class"], .string("other"))
        expectEqual(error["target"], target.map { .string($0) })
    }

    @Test(
        arguments: [
            (#"{"message":"m","details":"d","key":"k","source_id":"s"}"#, "k", "m: d", "s"),
            (#"{"message":"m","details":"d","key":"k","code":"SUMMER"}"#, "k", "m: d", "SUMMER"),
            (#"{"message":"m","key":"k"}"#, "k", "m", nil),
            (#"{"details":"d","key":"k"}"#, "k", "d", nil),
            (#"{"key":"k"}"#, "k", nil, nil),
            (#"{"message":"m","details":{},"key":null}"#, "ITEM_FAILED", "m", nil),
            ("{}", "ITEM_FAILED", nil, nil),
        ] as [(String, String, String?, String?)])
    func errorOfAResultIsListedByItsKey(
        item: String, code: String, message: String?, target: String?
    ) throws {
        let document = try done(nil, #"{"errors":[\#(item)]}"#)
        let error = try #require(document["errors"]?.array?.first)
        expectEqual(error["code"], .string(code))
        expectEqual(error["message"], message.map { .string($0) })
        expectEqual(error["target"], target.map { .string($0) })
    }

    @Test func itemOfAnOlderResultThatWasNotFoundIsListed() throws {
        let document = try done(
            nil,
            #"{"done_count":3,"results":[{"code":"SPRING","found":false,"updated":false},"#
                + #"{"code":"SUMMER","found":true,"updated":false},"#
                + #"{"source_id":"s","found":false},{"found":false}],"failed":[{"row":1}],"#
                + #""errors":[{"key":"k"}]}"#)
        let errors = try #require(document["errors"]?.array)
        let codes = errors.map { $0["code"]?.string }
        expectEqual(
            codes, ["ITEM_FAILED", "ITEM_NOT_FOUND", "ITEM_NOT_FOUND", "ITEM_NOT_FOUND", "k"])
        expectEqual(errors.map { $0["target"]?.string }, ["row 1", "SPRING", "s", nil, nil])
        #expect(errors[1]["message"] == nil)
        expectEqual(errors[1]["class"], .string("other"))
        expectEqual(document["counts"]?["succeeded"], .number("3"))
    }

    @Test func oneFailedObjectIsAListOfOne() throws {
        let document = try done(nil, #"{"failed":{"row":3,"reason":"r"}}"#)
        expectEqual(document["errors"]?.array?.count, 1)
        expectEqual(document["errors"]?.array?.first?["target"], .string("row 3"))
    }

    @Test func itemsThatAreNotObjectsAreNotListed() throws {
        let document = try done(nil, #"{"failed":[null,"x",1,[],{"row":1}]}"#)
        expectEqual(document["errors"]?.array?.count, 1)
    }

    @Test(arguments: [
        (1001, 0, 1000), (600, 600, 1000), (0, 1001, 1000), (999, 1, 1000), (3, 4, 7),
    ])
    func atMostAThousandErrorsAreListedAndResultHasAll(
        failed: Int, errors: Int, listed: Int
    ) throws {
        func list(_ count: Int) -> String {
            [String](repeating: #"{"row":1}"#, count: count).joined(separator: ",")
        }
        let document = try done(nil, #"{"failed":[\#(list(failed))],"errors":[\#(list(errors))]}"#)
        expectEqual(document["errors"]?.array?.count, listed)
        expectEqual(document["result"]?["failed"]?.array?.count, failed)
        expectEqual(document["result"]?["errors"]?.array?.count, errors)
    }

    // MARK: The other fields

    @Test(
        arguments: [
            ("0", 0), ("100", 100), ("42.0", 42), ("4.2e1", 42), ("101", nil), ("-1", nil),
            ("99.5", nil),
            (#""50""#, nil), ("null", nil), ("true", nil),
        ] as [(String, Int64?)])
    func progressIsAPercentageOrNil(text: String, progress: Int64?) throws {
        let document = try document(#","status":"IN_PROGRESS","progress":\#(text)"#)
        expectEqual(document["progress"]?.integer, progress)
    }

    @Test(
        arguments: [
            ("5611", 5611), ("0", 0), ("1.2e3", 1200), (#""1217""#, 1217), ("-1", nil),
            ("1.5", nil), (#""-5""#, nil), (#""5 ms""#, nil), ("null", nil), ("true", nil),
        ] as [(String, Int64?)])
    func processingTimeIsMillisecondsOrNil(text: String, milliseconds: Int64?) throws {
        let document = try document(#","status":"DONE","processing_time":\#(text)"#)
        expectEqual(document["processing_time_ms"]?.integer, milliseconds)
    }

    @Test func nullsEverywhereAreNullsInTheAnswer() throws {
        let document = try document(
            #","type":null,"status":null,"operation_status":null,"created_at":null,"#
                + #""updated_at":null,"request_id":null,"processing_time":null,"progress":null,"#
                + #""object":null,"result":null"#)
        let expected = try NormalizeFixtures.json(
            #"{"id":"aa_0adad13d6f057f088e","source":"vouchers","type":null,"status":"UNKNOWN","#
                + #""done":false,"progress":null,"counts":null,"errors":[],"result":null,"#
                + #""created_at":null,"updated_at":null,"processing_time_ms":null,"#
                + #""request_id":null,"upstream":{"status":null,"operation_status":null}}"#)
        expectEqual(document, expected)
    }

    @Test(arguments: ["7", "true", "[]", "{}", #"["x"]"#])
    func fieldsOfTheWrongTypeAreNil(value: String) throws {
        let document = try document(
            #","status":"DONE","type":\#(value),"operation_status":\#(value),"#
                + #""created_at":\#(value),"updated_at":\#(value),"request_id":\#(value)"#)
        for name in ["type", "created_at", "updated_at", "request_id"] {
            #expect(document[name] == nil)
        }
        #expect(document["upstream"]?["operation_status"] == nil)
        expectEqual(document["status"], .string("UNKNOWN"))
    }

    @Test func unknownTypesAndFieldsAreHarmless() throws {
        let document = try document(
            #","status":"DONE","type":"LOYALTY.NEW","user":{"id":1},"log_id":"l","brand_new":[]"#)
        expectEqual(document["type"], .string("LOYALTY.NEW"))
        #expect(document["user"] == nil)
    }

    // MARK: Whose body it is

    @Test(arguments: [
        #"{"status":"DONE"}"#, #"{"id":null,"status":"DONE"}"#, #"{"id":7,"status":"DONE"}"#,
    ])
    func statusWithoutAnIDIsAboutTheActionAskedFor(body: String) throws {
        let document = try NormalizeFixtures.document(.vouchers, body)
        expectEqual(document["id"], .string(NormalizeFixtures.voucherID))
        expectEqual(document["done"], .bool(true))
    }

    @Test(
        arguments: [
            ("{}", .malformed), (#"{"id":null,"status":null}"#, .malformed),
            (#"{"id":7,"status":7}"#, .malformed), (#"{"object":"async_action"}"#, .malformed),
            (#"{"id":"aa_other","status":"DONE"}"#, .wrongAction),
            (#"{"id":"aa_other"}"#, .wrongAction),
            (#"{"id":"AA_0ADAD13D6F057F088E","status":"DONE"}"#, .wrongAction),
        ] as [(String, UpstreamFault.Kind)])
    func bodyWithNeitherOrWithAnotherIDIsAFault(body: String, kind: UpstreamFault.Kind) throws {
        try expectEqual(NormalizeFixtures.fault(.vouchers, body).kind, kind)
    }
}

extension JSONValue {
    fileprivate var sortedText: String {
        var json = JSONWriter()
        json.value(self, sorted: true)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
