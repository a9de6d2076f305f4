// Bodies of the vouchers upstream, exactly as they are sent.

import HTTPWire
import StatusCore

enum VouchersBody {
    /// An action. `result` is its JSON; nil omits the member.
    static func action(
        _ id: String, type: String = "VOUCHERS.IMPORT", _ status: String,
        operation: String? = nil, progress: Int? = 100, result: String?,
        created: String = Moment.steadyCreated, updated: String = Moment.steadyUpdated,
        processing: Int64? = 5611
    ) -> String {
        var members = [
            #""id":"\#(id)""#, #""type":"\#(type)""#, #""status":"\#(status)""#,
            #""created_at":"\#(created)""#, #""updated_at":"\#(updated)""#,
            #""request_id":"v-0aebb1b0a4d7c5e1f2""#, #""object":"async_action""#,
        ]
        if let operation { members.append(#""operation_status":"\#(operation)""#) }
        if let progress { members.append(#""progress":\#(progress)"#) }
        if let processing { members.append(#""processing_time":\#(processing)"#) }
        if let result { members.append(#""result":\#(result)"#) }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// One voucher done, one failed: `code` is the voucher's, not an error's.
    static let partialImport =
        #"{"message":"1 voucher imported, 1 failed","failed":[{"code":"SPRING-3","row":3,"#
        + #""source_id":"","reason":"Internal error"}],"done_count":1,"failed_count":1}"#

    /// DONE, with a message of 7 MiB.
    static func large(_ id: String) -> String {
        action(id, "DONE", operation: "SUCCESS", result: #"{"message":"\#(filler)"}"#)
    }

    private static let filler = String(repeating: "x", count: 7 << 20)

    /// DONE, with a message of 1 MB.
    static func sizeable(_ id: String) -> String {
        action(id, "DONE", operation: "SUCCESS", result: #"{"message":"\#(sizeableFiller)"}"#)
    }

    private static let sizeableFiller = String(repeating: "x", count: 1_000_000)

    /// DONE, with an import of which thousands of rows failed, each for a reason of its own.
    static func largeImport(_ id: String) -> String {
        let rows = importRows.joined(separator: id)
        return action(
            id, "DONE",
            result: #"{"message":"\#(importRowCount) failed","failed":[\#(rows)],"done_count":5,"#
                + #""failed_count":\#(importRowCount)}"#)
    }

    private static let importRowCount = 10_000

    /// Between two of them stands the id that makes the codes of one import unlike another's.
    private static let importRows: [String] = (0...importRowCount).map { row in
        let number = row * 7_919 % 1_000_003
        let reason = importReasons[number / 1_000 % importReasons.count]
        let end =
            #"-\#(SceneID.digits(number, 7))","row":\#(row + 1),"#
            + #""source_id":"crm-\#(40_000 + 3 * row)","reason":"\#(reason)"}"#
        let start = #"{"code":""#
        return row == 0 ? start : row == importRowCount ? end : end + "," + start
    }

    private static let importReasons = [
        "Internal error", "Voucher with the given code already exists",
        "Invalid date in field start_date", "Missing field discount.amount_off",
        "Quantity must be a positive integer", "Category was not found",
        "Metadata does not fit the schema of the project",
    ]

    /// ENQUEUED, then DONE like a moving one: a job that waits for others.
    static func waiting(_ moment: Moment) -> String {
        guard moment.isPending else { return moving(moment) }
        return action(
            moment.id, "ENQUEUED", progress: 0, result: nil, created: moment.createdText,
            updated: moment.createdText, processing: nil)
    }

    /// ENQUEUED, IN_PROGRESS with growing progress, then DONE with one done and one failed.
    static func moving(_ moment: Moment, withResult: Bool = true) -> String {
        let enqueued = moment.pending / 6
        let created = moment.createdText
        if moment.elapsed < enqueued {
            return action(
                moment.id, "ENQUEUED", progress: 0, result: nil, created: created,
                updated: created, processing: nil)
        }
        if moment.isPending {
            let progress = (moment.elapsed - enqueued) / (moment.pending - enqueued) * 100
            return action(
                moment.id, "IN_PROGRESS", progress: Int(progress), result: nil, created: created,
                updated: moment.nowText, processing: nil)
        }
        return action(
            moment.id, "DONE", result: withResult ? partialImport : nil, created: created,
            updated: moment.doneText, processing: moment.pending.nanoseconds / 1_000_000)
    }

    /// `{code, key, message, details}`.
    static func error(
        _ code: Int, key: String, message: String, details: String, resource id: String? = nil
    ) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("code", code)
        json.member("key", key)
        json.member("message", message)
        json.member("details", details)
        json.member("request_id", "v-0aebb1b0a4d7c5e1f2")
        if let id {
            json.member("resource_id", id)
            json.member("resource_type", "async_action")
        }
        json.endObject()
        return json.bytes
    }

    /// The documented 404.
    static func notFound(_ id: String) -> Response {
        .json(
            404,
            error(
                404, key: "not_found", message: "Resource not found",
                details: "Cannot find async_action with id \(id)", resource: id))
    }

    static func limited(type: String, retryAfter: String?) -> Response {
        var fields = [Field(name: "X-Rate-Limit-Type", value: type)]
        if let retryAfter { fields.append(Field(name: "Retry-After", value: retryAfter)) }
        return .json(
            429,
            error(
                429, key: "too_many_requests_error", message: "Too many requests",
                details: "Too many requests hit the API too quickly."),
            fields)
    }
}
