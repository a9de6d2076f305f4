// The scenes of the vouchers upstream, by id.

import HTTPWire
import StatusCore

extension Scene {
    /// The known actions of vouchers.
    static let vouchersActions = vouchersStates + vouchersOutcomes + vouchersShapes

    /// A scene for each state.
    private static let vouchersStates: [Scene] = [
        Scene(
            source: .vouchers, id: "aa_0adad13d6f057f088e",
            summary: "ENQUEUED from its first look-up on, IN_PROGRESS after 1/6 of --pending, "
                + "then DONE with 1 done and 1 failed"
        ) { .answer(.json(200, VouchersBody.moving($0))) },
        voucher(200, "DONE, operation SUCCESS, 3 done") {
            VouchersBody.action(
                $0, "DONE", operation: "SUCCESS",
                result: #"{"message":"Done","failed":[],"done_count":3,"failed_count":0}"#)
        },
        voucher(1200, "FAILED") {
            VouchersBody.action(
                $0, "FAILED", operation: "FAILED",
                result: #"{"message":"The file could not be read"}"#)
        },
        voucher(2200, "always IN_PROGRESS") {
            VouchersBody.action(
                $0, "IN_PROGRESS", progress: 42, result: nil, processing: nil)
        },
        voucher(3200, "always ENQUEUED") {
            VouchersBody.action($0, "ENQUEUED", progress: 0, result: nil, processing: nil)
        },
        voucher(4200, "an unknown status") {
            VouchersBody.action($0, "PAUSED", progress: 10, result: nil)
        },
    ]

    /// The many ways to be DONE.
    private static let vouchersOutcomes: [Scene] = [
        voucher(10200, "DONE, partial import, failed is a list") {
            VouchersBody.action($0, "DONE", result: VouchersBody.partialImport)
        },
        voucher(11200, "DONE, partial import, failed is one object") {
            VouchersBody.action(
                $0, type: "ORDERS.IMPORT", "DONE",
                result: #"{"message":"Orders imported","failed":{"row":2,"source_id":null,"#
                    + #""reason":"Customer is missing"},"done_count":7,"failed_count":1}"#)
        },
        voucher(12200, "DONE, 0 done, 3 failed") {
            VouchersBody.action(
                $0, type: "CUSTOMERS.IMPORT_CSV", "DONE",
                result: #"{"message":"Import ended","failed":[{"row":1,"reason":"No e-mail"},"#
                    + #"{"row":2,"reason":"No e-mail"},{"row":3,"reason":"No e-mail"}],"#
                    + #""done_count":0,"failed_count":3}"#)
        },
        voucher(13200, "DONE without operation_status, 5 done, no failed_count") {
            VouchersBody.action(
                $0, type: "CAMPAIGN.VOUCHERS_GENERATE", "DONE",
                result: #"{"message":"Vouchers have been generated","done_count":5}"#)
        },
        voucher(14200, "DONE, operation UNKNOWN, no counts") {
            VouchersBody.action(
                $0, type: "PRODUCTS.METADATA_KEY_PURGE", "DONE", operation: "UNKNOWN",
                result: #"{"message":"Ended"}"#)
        },
        voucher(15200, "DONE, operation FAILED although 2 are done") {
            VouchersBody.action(
                $0, "DONE", operation: "FAILED",
                result: #"{"message":"Stopped","failed":[],"done_count":2,"failed_count":0}"#)
        },
        voucher(16200, "DONE, bulk update with reports and errors") {
            VouchersBody.action(
                $0, type: "VOUCHERS.BULK_UPDATE", "DONE",
                result: #"{"done_count":9,"failed_count":1,"#
                    + #""reports":["https://reports.invalid/a.csv?signature=sandbox"],"#
                    + #""reports_available_till":"2026-11-02T10:00:05.731Z","errors":[{"#
                    + #""message":"Duplicate resource found","details":"Code is taken","#
                    + #""key":"duplicate_resource","code":"SPRING-4"}]}"#)
        },
        voucher(17200, "DONE, metadata update with only errors") {
            VouchersBody.action(
                $0, type: "CUSTOMERS.METADATA_UPDATE", "DONE",
                result: #"{"errors":[{"message":"Invalid metadata","details":"age: number","#
                    + #""key":"invalid_metadata"}]}"#)
        },
        voucher(18200, "DONE with nothing in result") {
            VouchersBody.action($0, "DONE", result: "{}")
        },
        voucher(19200, "DONE, an older bulk update: 2 done, of which 1 was not found") {
            VouchersBody.action(
                $0, type: "VOUCHERS.BULK_UPDATE", "DONE",
                result: #"{"done_count":2,"results":[{"code":"SPRING-5","found":true,"#
                    + #""updated":true},{"code":"SPRING-6","found":false,"updated":false}]}"#)
        },
        voucher(25200, "DONE, an import that lists 2 failed rows without counts") {
            VouchersBody.action(
                $0, "DONE",
                result: #"{"message":"Import ended","failed":[{"name":"SPRING-7","row":1,"#
                    + #""reason":"Taken"},{"name":"SPRING-8","row":2,"reason":"Taken"}]}"#)
        },
        voucher(26200, "DONE, a failed_count that is not a number") {
            VouchersBody.action(
                $0, "DONE", operation: "SUCCESS", result: #"{"done_count":5,"failed_count":"2"}"#)
        },
    ]

    /// Unusual forms.
    private static let vouchersShapes: [Scene] = [
        voucher(20200, "nulls everywhere but in id and status") {
            #"{"id":"\#($0)","type":null,"status":"DONE","operation_status":null,"#
                + #""created_at":null,"updated_at":null,"request_id":null,"#
                + #""processing_time":null,"progress":null,"object":null,"result":null}"#
        },
        voucher(21200, "numbers in result that a double cannot hold") {
            VouchersBody.action(
                $0, "DONE",
                result: #"{"message":"Done","done_count":2,"failed_count":0,"#
                    + #""checksum":9007199254740993,"price":1.10,"tiny":1e-400,"#
                    + #""huge":123456789012345678901234567890}"#)
        },
        voucher(22200, "only the id") { #"{"id":"\#($0)"}"# },
        voucher(23200, "only the status") { _ in #"{"status":"IN_PROGRESS"}"# },
        voucher(24200, "unknown members, such as user and log_id") {
            #"{"log_id":"ale_1","user":{"id":"user_1","name":"Ann"},"id":"\#($0)","#
                + #""status":"IN_PROGRESS","progress":7}"#
        },
    ]

    private static func voucher(
        _ number: Int, _ summary: String, _ body: @escaping @Sendable (String) -> String
    ) -> Scene {
        Scene(source: .vouchers, id: SceneID.vouchers(number), summary: summary) {
            .answer(.json(200, body($0.id)))
        }
    }
}
