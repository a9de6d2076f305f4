// Why the body of a 2xx answer has no state of the requested action.

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
