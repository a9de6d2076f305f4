// From a request's query and fields to a question that is valid once it exists.

public import HTTPWire
public import StatusCore

/// The settings that the API needs.
public struct APILimits: Sendable {
    public var configured: [Source]
    public var waitMax: Duration
    /// Which caches may store answers.
    public var caches: CacheScope

    public static let batchIDsMax = 100

    public init(configured: [Source], waitMax: Duration, caches: CacheScope = .shared) {
        self.configured = configured
        self.waitMax = waitMax
        self.caches = caches
    }
}

/// The options of a request for `/actions/{id}` or a batch, besides the ids.
public struct RequestOptions: Sendable, Equatable {
    public var source: Source?
    public var patience: Question.Patience
    /// The patience applies to the batch as a whole: it ends with the first change of any action.
    public var waitsForAny = false
    /// The wait in seconds that was granted to a Prefer field.
    public var waitPreferred: Int?

    /// The options of nearly every request.
    public static let plain = RequestOptions(source: nil, patience: .none)

    /// The field that reports it (RFC 7240 3).
    public var preferenceApplied: Field? {
        waitPreferred.map { Field(name: "Preference-Applied", value: "wait=\($0)") }
    }

    public func question(_ id: ActionID) -> Question {
        Question(id: id, source: source, patience: patience)
    }
}

public enum QuestionReader {
    /// Reads `source`, `wait` and `until` of a query, Prefer and If-None-Match.
    ///
    /// - Throws: `invalid-parameter`.
    public static func options(
        _ query: Span<UInt8>, preferredWait: Int?, noneMatch: TagCondition?, _ limits: APILimits,
        now: Instant, isBatch: Bool = false
    ) throws(ProblemDetails) -> RequestOptions {
        if query.isEmpty, preferredWait == nil { return .plain }
        let parameters = try QueryParameters(query)
        let goal = try goal(parameters, query, isBatch)
        let asked = try waitSeconds(parameters, query)
        // The query is binding and must be valid; Prefer is only a preference (RFC 7240 2).
        let wait = min(.seconds(asked ?? preferredWait ?? 0), limits.waitMax)
        var options = RequestOptions(source: try source(parameters, query, limits), patience: .none)
        guard wait > .zero else { return options }
        if asked == nil { options.waitPreferred = wait.secondsRoundedUp }
        options.waitsForAny = goal == .any
        let deadline = now + wait
        guard goal != .done else {
            options.patience = .done(deadline: deadline)
            return options
        }
        // A batch's tag is not the tag of any of its actions.
        let known = isBatch && goal == .change ? nil : noneMatch?.knownStates
        options.patience = .change(from: known, deadline: deadline)
        return options
    }

    /// The ids of a batch, as they were given: each one may be invalid.
    ///
    /// - Throws: `invalid-parameter` for none or too many.
    public static func batchIDs(_ query: Span<UInt8>) throws(ProblemDetails) -> [String] {
        let places = try QueryParameters(query, wantsIDs: true).ids
        guard (1...APILimits.batchIDsMax).contains(places.count) else {
            throw .invalidParameter(
                "The request has \(places.count) ids. Send 1 to \(APILimits.batchIDsMax), as in"
                    + " id=A&id=B.")
        }
        var ids: [String] = []
        for place in places { ids.append(try QueryParameters.text(query, place, "id")) }
        return ids
    }

    private static func source(
        _ parameters: QueryParameters, _ query: Span<UInt8>, _ limits: APILimits
    ) throws(ProblemDetails) -> Source? {
        let found = try QueryParameters.value(of: parameters.source, "source", in: query) { text in
            limits.configured.first { $0.isNamed(text) }
        }
        guard let found else { return nil }
        guard let source = found else {
            let names = limits.configured.map(\.name).joined(separator: ", ")
            throw .invalidParameter(
                "The value of 'source' is not a configured source. Use one of: \(names).")
        }
        return source
    }

    /// What a wait waits for.
    private enum Goal { case done, change, any }

    private static func goal(
        _ parameters: QueryParameters, _ query: Span<UInt8>, _ isBatch: Bool
    ) throws(ProblemDetails) -> Goal {
        let found: Goal?? = try QueryParameters.value(
            of: parameters.until, "until", in: query
        ) { text in
            if text.equals("done", at: text.indices) { return .done }
            if text.equals("change", at: text.indices) { return .change }
            return isBatch && text.equals("any", at: text.indices) ? .any : nil
        }
        guard let found else { return .done }
        guard let goal = found else {
            let words = isBatch ? "'done', 'change' or 'any'" : "'done' or 'change'"
            throw .invalidParameter("The value of 'until' is unknown. Use \(words).")
        }
        return goal
    }

    private static func waitSeconds(
        _ parameters: QueryParameters, _ query: Span<UInt8>
    ) throws(ProblemDetails) -> Int? {
        let found = try QueryParameters.value(of: parameters.wait, "wait", in: query) {
            QueryParameters.wholeSeconds($0)
        }
        guard let found else { return nil }
        guard let seconds = found else {
            throw .invalidParameter(
                "The value of 'wait' is not a number of whole seconds. Use a value such as wait=30."
            )
        }
        return seconds
    }
}
