// Why an upstream cannot be called, in a sentence for people: the same in health checks and
// explanations.

public import StatusCore

extension SourceBlock {
    /// Without a full stop. Contains no secrets, and nothing that only operators should know.
    public func sentence(_ source: Source, _ clocks: Clocks) -> String {
        let stop = "no calls to \(source.name)" + clocks.end(until)
        return switch kind {
        case .pause:
            fault.map { "\(stop): it asked for a pause\($0.status)" }
                ?? "\(stop): it is paused in the store, by another process or as a new source"
        case .breaker: "\(stop): \(fault?.phrase ?? "another process found that it keeps failing")"
        case .budget(let budget): "\(stop)\(budget.concerned): \(budget.phrase)"
        case .credential: "no calls to \(source.name): \(fault?.phrase ?? "no credential")"
        case .resources: "no calls to \(source.name): \(fault?.phrase ?? "no resources")"
        case .quarantine: "\(stop): the store has lost part of its history"
        }
    }
}

extension UpstreamFault {
    fileprivate var status: String { httpStatus.map { " (HTTP \($0))" } ?? "" }

    /// What happened, for people.
    var phrase: String { kind.phrase + status }
}

extension UpstreamFault.Kind {
    fileprivate var phrase: String {
        switch self {
        case .notFound: "it does not know the id"
        case .serverError: "it answers with server errors"
        case .unauthorized: "it refuses our credential"
        case .paymentRequired: "it asks for payment: the plan may have ended"
        case .forbidden: "it forbids the call"
        case .redirected: "it redirects elsewhere"
        case .unexpectedStatus: "it answers with an unexpected status"
        case .notJSON: "its answer is not JSON"
        case .wrongAction: "it answers with another action"
        case .malformed: "its answer cannot be read"
        case .tooLarge: "its answer is too large"
        case .throttled: "it has had too many calls"
        case .connectFailed: "it cannot be connected to"
        case .tlsFailed: "no trusted TLS connection can be made"
        case .connectionLost: "connections to it are lost"
        case .timedOut: "it does not answer in time"
        case .slotExpired: "the call's slot came too late to be used"
        case .outOfResources: "this service has no descriptor, memory or port left for a call"
        case .tokenRefused: "the token endpoint refuses our client id or secret"
        case .tokenUnavailable: "no token can be fetched"
        }
    }
}

extension BudgetKind {
    fileprivate var concerned: String {
        switch self {
        case .minute, .day: ""
        case .minuteUnknown, .dayUnknown: " for ids that it has not answered for"
        case .minuteNotFound, .dayNotFound: " for ids that read as 404"
        case .minuteHolder, .dayHolder: " for one caller's new ids"
        }
    }

    fileprivate var phrase: String {
        let isPart = self != .minute && self != .day
        let window =
            switch self {
            case .minute, .minuteUnknown, .minuteNotFound, .minuteHolder: "minute"
            case .day, .dayUnknown, .dayNotFound, .dayHolder: "day"
            }
        return "\(isPart ? "their part of the" : "the") budget of calls for this \(window) is spent"
    }
}

extension Clocks {
    /// Empty for an unknown time, or one too far away to be meant.
    fileprivate func end(_ instant: Instant?) -> String {
        text(instant).map { " until \($0)" } ?? ""
    }

    /// Nil also for times too far away to be meant.
    public func text(_ instant: Instant?) -> String? {
        guard let instant, instant < self.instant + .seconds(86_400 * 366) else { return nil }
        return RFC3339.format(wall(at: instant))
    }
}
