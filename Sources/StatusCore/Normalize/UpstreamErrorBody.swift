// Reads the documented error bodies of the upstreams, leniently.

/// An upstream's description of its own failure: orders `{code, message, errors?, extensions?}`,
/// vouchers `{code: integer, key?, message, details?, …}` or `{statusCode, error, message}`.
struct UpstreamErrorBody: Equatable {
    /// The most specific code: `key`, else `code`, else `statusCode`.
    var code: String?
    /// `message`, else `details`, else `error`.
    var message: String?

    /// Nil unless the bytes are a JSON object with a member of one of those shapes.
    init?(_ bytes: [UInt8]) {
        guard let body = try? JSONReader.read(bytes) else { return nil }
        let marks = ["code", "key", "message", "error", "statusCode"]
        guard marks.contains(where: { body[$0] != nil }) else { return nil }
        let key = body["key"]?.string
        code = key ?? Self.plainText(body["code"]) ?? Self.plainText(body["statusCode"])
        message = body["message"]?.string ?? body["details"]?.string ?? body["error"]?.string
    }

    private static func plainText(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text), .number(let text): text
        default: nil
        }
    }
}
