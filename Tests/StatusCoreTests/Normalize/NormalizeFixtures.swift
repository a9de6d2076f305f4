import Testing

@testable import StatusCore

/// Replies as upstreams send them, and how they are read.
enum NormalizeFixtures {
    static let orderID = "1ba5fc4b-c4fd-4251-880b-3052e301bbd4"
    static let voucherID = "aa_0adad13d6f057f088e"
    /// 2026-11-01T10:02:00Z.
    static let now = WallTime(milliseconds: 1_793_527_320_000)

    static func id(_ source: Source) throws -> ActionID {
        try #require(ActionID(source == .orders ? orderID : voucherID))
    }

    static func reader(of source: Source) throws -> any StateReader {
        let kind = source == .orders ? SourceKind.miraklOrders : .voucherify
        return try #require(kind.api).reader
    }

    static func outcome(
        _ source: Source, status: Int = 200, _ body: String,
        fields: [UpstreamReply.Field] = []
    ) throws -> CallOutcome {
        let reply = UpstreamReply(status: status, fields: fields, body: Array(body.utf8))
        return Normalizer.outcome(
            of: reply, about: EntryKey(source, try id(source)), by: try reader(of: source), now: now
        ).outcome
    }

    /// The action's document, read again as JSON.
    static func document(_ source: Source, _ body: String) throws -> JSONValue {
        switch try outcome(source, body) {
        case .answered(let document): return try JSONReader.read(document.bytes)
        case .notFound(let fault), .failed(let fault): throw Unanswered(fault: fault)
        }
    }

    static func fault(
        _ source: Source, status: Int = 200, _ body: String
    ) throws -> UpstreamFault {
        switch try outcome(source, status: status, body) {
        case .failed(let fault): return fault
        case .notFound, .answered: throw NoFault()
        }
    }

    static func json(_ text: String) throws -> JSONValue {
        try JSONReader.read(Array(text.utf8))
    }

    struct Unanswered: Error { let fault: UpstreamFault }
    struct NoFault: Error {}
}
