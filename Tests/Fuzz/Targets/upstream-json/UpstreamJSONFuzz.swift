// Any bytes as an upstream's answer: they give a value or a failure, and then a document that keeps the
// contract or a fault that is safe to show.
//
// The input: a byte for the source (`o` orders, `v` vouchers, `d` an API by description), one for the status (a digit is the
// first of `200`, `404`, …), rate fields parted by `|` up to a line feed, and the body.

import StatusCore

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let answer = UpstreamAnswer(copied(start, count)) else { return 0 }
    let value = ReaderRules.check(answer.reply.body)
    if let reported = value?["id"]?.string.flatMap(ActionID.init) {
        NormalizerRules.check(answer, asked: reported, value)
    }
    NormalizerRules.check(answer, asked: UpstreamAnswer.otherID, value)
    return 0
}

/// One answer, as described by the input.
struct UpstreamAnswer {
    let source: Source
    let reader: any StateReader
    let reply: UpstreamReply

    static let orders = named("orders")
    static let vouchers = named("vouchers")
    static let described = named("described")
    private static let description: any StateReader = {
        let text = #"""
            {"path": "/{id}", "id": "/id", "status": "/status", "statuses": {"DONE": "SUCCEEDED"},
             "progress": "/progress", "result": "/result", "created_at": "/created_at",
             "counts": {"succeeded": "/result/done_count", "failed": "/result/failed_count"},
             "errors": {"items": "/errors", "code": "/code", "message": "/message"},
             "not_found": ["/code", "/message"]}
            """#
        guard let read = try? APIDescription(Array(text.utf8)) else { fatalError("a description") }
        return read
    }()

    private static func named(_ name: String) -> Source {
        Source(name) ?? { fatalError("a name") }()
    }

    private static func reader(of kind: SourceKind) -> any StateReader {
        kind.api?.reader ?? { fatalError("a kind without an API") }()
    }

    static let otherID = ActionID("aa_0adad13d6f057f088e") ?? { fatalError("an id") }()
    /// 2026-11-22T02:00:00Z.
    static let now = WallTime(milliseconds: 1_795_312_800_000)

    private static let fieldNames = [
        "retry-after", "x-rate-limit-remaining", "x-rate-limit-retry", "x-rate-limit-type",
    ]

    /// Nil without a line feed after source, status and fields.
    init?(_ input: [UInt8]) {
        guard let lineEnd = input.prefix(160).firstIndex(of: 10), lineEnd >= 2 else { return nil }
        (source, reader) =
            if input[0] == UInt8(ascii: "d") {
                (Self.described, Self.description)
            } else if input[0] & 1 == 1 {
                (Self.orders, Self.reader(of: .miraklOrders))
            } else {
                (Self.vouchers, Self.reader(of: .voucherify))
            }
        let values = input[2..<lineEnd].split(
            separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        let fields = zip(Self.fieldNames, values).filter { !$0.1.isEmpty }.map {
            UpstreamReply.Field($0, String(decoding: $1, as: UTF8.self))
        }
        reply = UpstreamReply(
            status: Self.status(input[1]), fields: fields, body: Array(input[(lineEnd + 1)...]))
    }

    private static func status(_ byte: UInt8) -> Int {
        switch byte {
        case UInt8(ascii: "1"): 401
        case UInt8(ascii: "2"): 200
        case UInt8(ascii: "3"): 302
        case UInt8(ascii: "4"): 404
        case UInt8(ascii: "5"): 503
        case UInt8(ascii: "9"): 429
        default: Int(byte) * 3
        }
    }
}
