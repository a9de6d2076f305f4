// Why the body of a good status does not tell the state of the action that was asked for.

/// What was wrong with a body.
public enum BodyFault: Error, Equatable {
    case empty
    case unreadable(JSONFailure)
    case notAnObject
    /// It names another action than the one asked for.
    case otherAction
    /// It lacks what its upstream promises: orders `id` and `status`, vouchers one of the two.
    case lacksIdentity

    var kind: UpstreamFault.Kind {
        switch self {
        // Over a limit of ours, in bytes or levels: it may well be JSON.
        case .unreadable(.tooLarge), .unreadable(.tooDeep): .tooLarge
        case .empty, .unreadable: .notJSON
        case .notAnObject, .lacksIdentity: .malformed
        case .otherAction: .wrongAction
        }
    }

    /// Words of our own, for when the body brings none.
    var message: String {
        switch self {
        case .empty: "the body is empty"
        case .unreadable(.tooLarge(let limit)): "the body has more than \(limit) bytes"
        case .unreadable(.tooDeep): "the body nests too deeply"
        case .unreadable(let failure): "the body is not JSON from byte \(failure.offset) on"
        case .notAnObject: "the body is not a JSON object"
        case .otherAction: "the body is about another action"
        case .lacksIdentity: "the body does not tell which action and status it is about"
        }
    }
}
