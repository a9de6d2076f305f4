// A request in the form that the upstreams' code uses: copied from the connection's bytes, with a
// parsed path.

import HTTPWire
import StatusCore

/// One request, complete with its content.
struct Call: Sendable {
    var method: String
    /// The path's segments, percent-decoded; "/" alone has none.
    var segments: [String]
    var parameters: [(name: String, value: String)]
    /// Names in lower case.
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// When the head was complete.
    var arrived: Instant
    /// 1 for the first request of its connection.
    var numberOnConnection = 1

    func field(_ lowercaseName: String) -> String? {
        fields.first { $0.name == lowercaseName }?.value
    }

    func parameter(_ name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    /// The token of `Authorization: Bearer …`; the scheme is case-insensitive (RFC 9110 11.1).
    var bearerToken: String? {
        guard let value = field("authorization"), value.count > 7,
            value.prefix(7).lowercased() == "bearer "
        else { return nil }
        return String(value.dropFirst(7))
    }
}

extension Call {
    /// `Authorization: Basic …` without its scheme (RFC 7617).
    var basicUser: String? {
        guard let value = field("authorization"), value.lowercased().hasPrefix("basic ") else {
            return nil
        }
        return String(value.dropFirst("basic ".count))
    }

    init(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], arrived: Instant,
        numberOnConnection: Int
    ) {
        func text(_ range: Range<Int>) -> String {
            String(decoding: range.map { bytes[$0] }, as: UTF8.self)
        }
        method = text(head.methodBytes)
        segments = text(head.path).split(separator: "/").map { FormCoding.decode($0) }
        parameters = FormCoding.pairs(head.query.map(text) ?? "")
        fields = head.fields.map { (text($0.name).lowercased(), text($0.value)) }
        self.body = body
        self.arrived = arrived
        self.numberOnConnection = numberOnConnection
    }
}
