// What a body without a state lacks, and what an upstream's error body says.

/// The mistake in a body.
public enum BodyFault: Error, Equatable {
    case empty
    case unreadable(JSONFailure)
    case notAnObject
    /// It names another action than the requested one.
    case otherAction
    /// It lacks members that its upstream promises: orders `id` and `status`, vouchers one of the
    /// two.
    case lacksIdentity

    var kind: UpstreamFault.Kind {
        switch self {
        // It exceeds a limit in bytes or levels, but may be valid JSON.
        case .unreadable(.tooLarge), .unreadable(.tooDeep): .tooLarge
        case .empty, .unreadable: .notJSON
        case .notAnObject, .lacksIdentity: .malformed
        case .otherAction: .wrongAction
        }
    }

    /// A message of this service, if the body has none.
    var message: String {
        switch self {
        case .empty: "the body is empty"
        case .unreadable(.tooLarge(let limit)): "the body has more than \(limit) bytes"
        case .unreadable(.tooDeep): "the body nests too deeply"
        case .unreadable(let failure): "the body is not JSON from byte \(failure.offset) on"
        case .notAnObject: "the body is not a JSON object"
        case .otherAction: "the body is about another action"
        case .lacksIdentity: "the body does not name its action and status"
        }
    }
}

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
