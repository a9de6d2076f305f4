import TestSupport
import Testing

@testable import StatusCore

@Suite struct OrdersNormalizerTests {
    private func body(_ members: String) -> String {
        #"{"id":"\#(NormalizeFixtures.orderID)",\#(members)}"#
    }

    private func document(_ members: String) throws -> JSONValue {
        try NormalizeFixtures.document(.orders, body(members))
    }

    @Test(arguments: [
        ("PENDING", "PENDING", false), ("SUCCESS", "SUCCEEDED", true), ("FAILED", "FAILED", true),
        ("ERROR", "UNKNOWN", false), ("success", "UNKNOWN", false), ("DONE", "UNKNOWN", false),
        ("", "UNKNOWN", false), ("PARTIAL_SUCCESS", "UNKNOWN", false),
    ])
    func everyStatusHasItsRow(word: String, status: String, isDone: Bool) throws {
        let document = try document(#""status":"\#(word)""#)
        expectEqual(document["status"], .string(status))
        expectEqual(document["done"], .bool(isDone))
        expectEqual(document["upstream"]?["status"], .string(word))
    }

    @Test func fieldsThatOrdersLackAreNull() throws {
        let document = try document(
            #""status":"PENDING","type":"X","progress":5,"result":{"done_count":1},"#
                + #""processing_time":1,"request_id":"r","operation_status":"SUCCESS""#)
        for name in ["type", "progress", "counts", "result", "processing_time_ms", "request_id"] {
            #expect(document[name] == nil)
        }
        #expect(document["upstream"]?["operation_status"] == nil)
        expectEqual(document["errors"], .array([]))
    }

    @Test(arguments: [
        "2021-07-06T09:24:36Z", "2021-07-06T09:24:36.32Z", "2021-07-06T09:24:36.320Z", "soon",
    ])
    func timesKeepTheirText(time: String) throws {
        let document = try document(
            #""status":"PENDING","created_at":"\#(time)","updated_at":"\#(time)""#)
        expectEqual(document["created_at"], .string(time))
        expectEqual(document["updated_at"], .string(time))
    }

    @Test(arguments: [
        "", #","errors":null"#, #","errors":[]"#, #","errors":{}"#, #","errors":"x""#,
        #","errors":[null,1]"#,
    ])
    func absentErrorsAreAnEmptyList(member: String) throws {
        try expectEqual(document(#""status":"FAILED"\#(member)"#)["errors"], .array([]))
    }

    @Test func errorsAreListedAsGivenEvenBesidePending() throws {
        let document = try document(
            #""status":"PENDING","errors":[{"code":"OUT_OF_STOCK","message":"see https://x.example/1"},"#
                + #"{"code":"BRAND_NEW","message":null,"field":"x"},{"message":"no code"}]"#)
        let expected = try NormalizeFixtures.json(
            #"[{"code":"OUT_OF_STOCK","message":"see https://x.example/1","class":"conflict","target":null},"#
                + #"{"code":"BRAND_NEW","message":null,"class":"other","target":null},"#
                + #"{"code":"OTHER","message":"no code","class":"other","target":null}]"#)
        expectEqual(document["errors"], expected)
        expectEqual(document["status"], .string("PENDING"))
    }

    @Test(
        arguments: [
            ("INVALID_INPUT", .input), ("INVALID_PRODUCT_ID", .input), ("MISSING_CARRIER", .input),
            ("WAREHOUSE_ID_REQUIRED", .input), ("DATA_NOT_FOUND", .notFound),
            ("WAREHOUSE_ID_NOT_FOUND", .notFound), ("ORDER_IN_WRONG_STATE", .conflict),
            ("RETURN_IN_WRONG_STATE", .conflict), ("OUT_OF_STOCK", .conflict),
            ("ORDER_FULFILLED_BY_PARTNER", .conflict), ("PAYMENT_REQUIRED", .conflict),
            ("ACTION_NOT_SUPPORTED", .unsupported), ("CARRIER_NOT_SUPPORTED", .unsupported),
            ("SYNCHRONIZATION_DEACTIVATED", .unsupported), ("UNAVAILABLE", .unavailable),
            ("UNEXPECTED", .unavailable), ("TOO_MANY_REQUEST", .throttled), ("OTHER", .other),
            ("BRAND_NEW", .other), ("", .other), ("invalid_input", .other),
        ] as [(String, ErrorClass)])
    func everyErrorCodeHasItsClassAndDoesNotFailTheAnswer(code: String, errorClass: ErrorClass)
        throws
    {
        let document = try document(
            #""status":"FAILED","errors":[{"code":"\#(code)","message":"m"}]"#)
        let error = document["errors"]?.array?.first
        expectEqual(error?["class"], .string(errorClass.rawValue))
        expectEqual(error?["code"], .string(code))
    }

    @Test func atMostAThousandErrorsAreListed() throws {
        let errors = [String](repeating: #"{"code":"OTHER","message":"m"}"#, count: 1001)
        let document = try document(
            #""status":"FAILED","errors":[\#(errors.joined(separator: ","))]"#)
        expectEqual(document["errors"]?.array?.count, 1000)
    }

    /// RFC 9562, 4: the letter case of a UUID does not count.
    @Test func theUpstreamsOwnSpellingOfAUUIDIsNotAnotherID() throws {
        let reported = NormalizeFixtures.orderID.uppercased()
        let document = try NormalizeFixtures.document(
            .orders, #"{"id":"\#(reported)","status":"SUCCESS"}"#)
        expectEqual(document["id"], .string(NormalizeFixtures.orderID))
    }

    @Test(
        arguments: [
            ("{}", .malformed), (#"{"status":"PENDING"}"#, .malformed),
            (#"{"id":"1ba5fc4b-c4fd-4251-880b-3052e301bbd4"}"#, .malformed),
            (#"{"id":"1ba5fc4b-c4fd-4251-880b-3052e301bbd4","status":null}"#, .malformed),
            (#"{"id":"1ba5fc4b-c4fd-4251-880b-3052e301bbd4","status":7}"#, .malformed),
            (#"{"id":null,"status":"PENDING"}"#, .malformed),
            (#"{"id":7,"status":"PENDING"}"#, .malformed),
            (#"{"id":"1ba5fc4b-c4fd-4251-880b-3052e301bbd5","status":"PENDING"}"#, .wrongAction),
            (#"{"id":"","status":"PENDING"}"#, .wrongAction),
        ] as [(String, UpstreamFault.Kind)])
    func bodyWithoutPromisedFieldsIsAFault(body: String, kind: UpstreamFault.Kind) throws {
        let fault = try NormalizeFixtures.fault(.orders, body)
        expectEqual(fault.kind, kind)
        expectEqual(fault.httpStatus, 200)
        #expect(fault.message != nil)
    }
}
