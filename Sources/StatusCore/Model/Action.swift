// The Action: one schema for the state of an action at any upstream.

/// How far an action is, or how it ended.
public enum ActionStatus: String, CaseIterable, Sendable {
    case pending = "PENDING"
    case inProgress = "IN_PROGRESS"
    case succeeded = "SUCCEEDED"
    case partiallySucceeded = "PARTIALLY_SUCCEEDED"
    case failed = "FAILED"
    case unknown = "UNKNOWN"
}

/// The state of an action, as the upstream reported it; nil for what it did not report.
public struct Action: Sendable, Equatable {
    public var id: ActionID
    public var source: Source
    public var type: String?
    public var status: ActionStatus
    /// True when the action has ended and will not change any more.
    public var isDone: Bool
    /// Percent, 0…100.
    public var progress: Int64?
    public var counts: Counts?
    /// At most ``errorsMax``; `result` still has all.
    public var errors: [ActionError]
    public var result: JSONValue?
    /// The upstream's own text.
    public var createdAt: String?
    /// The upstream's own text.
    public var updatedAt: String?
    public var processingTimeMilliseconds: Int64?
    public var requestID: String?
    public var upstream: UpstreamStatus

    public static let errorsMax = 1000

    /// The numbers of items that succeeded and failed. At least one of the two is known.
    public struct Counts: Sendable, Equatable {
        public var succeeded: WholeNumber?
        public var failed: WholeNumber?

        public init(succeeded: WholeNumber?, failed: WholeNumber?) {
            self.succeeded = succeeded
            self.failed = failed
        }
    }

    /// The upstream's own words for the state.
    public struct UpstreamStatus: Sendable, Equatable {
        public var status: String?
        public var operationStatus: String?

        public init(status: String?, operationStatus: String?) {
            self.status = status
            self.operationStatus = operationStatus
        }
    }
}

/// One error of an action.
public struct ActionError: Sendable, Equatable {
    public var code: String
    public var message: String?
    public var errorClass: ErrorClass
    /// The item that failed: a voucher code, a source id or `row N`.
    public var target: String?

    public init(code: String, message: String?, errorClass: ErrorClass, target: String?) {
        self.code = code
        self.message = message
        self.errorClass = errorClass
        self.target = target
    }
}

/// The kind of failure that an error code means.
public enum ErrorClass: String, CaseIterable, Sendable {
    case input
    case notFound = "not_found"
    case conflict
    case unsupported
    case unavailable
    case throttled
    case other
}
