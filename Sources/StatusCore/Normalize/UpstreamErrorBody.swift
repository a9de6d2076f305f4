// The error bodies that the upstreams document, read leniently.

/// What an upstream says of its own failure:
/// orders `{code, message, errors?, extensions?}`,
/// vouchers `{code: integer, key?, message, details?, …}` or `{statusCode, error, message}`.
struct UpstreamErrorBody: Equatable {
    /// The source whose documented 404 it is, that is, its word that it does not know the id.
    ///
    /// Orders: `code` and `message` are strings, and the code is a word. Vouchers: `code` is an
    /// integer, `message` a string, `key` is `not_found`. All else may be a gateway's or a web
    /// framework's: `{"message":…}` of many, `{"code":5,"message":…}` of gRPC's, `{"code":"404",…}`;
    /// and vouchers' second shape `{statusCode, error, message}` is what Node's frameworks answer for
    /// a route that is not there.
    let notFoundAt: Source?
    /// The most telling code: `key`, else `code`, else `statusCode`.
    var code: String?
    /// `message`, else `details`, else `error`.
    var message: String?

    /// Nil unless the bytes are a JSON object with a member of one of those shapes.
    init?(_ bytes: [UInt8]) {
        guard let body = try? JSONReader.read(bytes) else { return nil }
        let marks = ["code", "key", "message", "error", "statusCode"]
        guard marks.contains(where: { body[$0] != nil }) else { return nil }
        let key = body["key"]?.string
        notFoundAt = Self.documentedNotFound(body, key)
        code = key ?? Self.plainText(body["code"]) ?? Self.plainText(body["statusCode"])
        message = body["message"]?.string ?? body["details"]?.string ?? body["error"]?.string
    }

    private static func documentedNotFound(_ body: JSONValue, _ key: String?) -> Source? {
        guard body["message"]?.string != nil else { return nil }
        if let word = body["code"]?.string {
            return word.contains(where: \.isLetter) ? .orders : nil
        }
        return body["code"]?.wholeNumber != nil && key == "not_found" ? .vouchers : nil
    }

    private static func plainText(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text), .number(let text): text
        default: nil
        }
    }
}
