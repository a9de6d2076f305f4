// From a request's query and fields to a question that is valid once it exists.

public import HTTPWire
public import StatusCore

/// What the API needs to know of the settings.
public struct APILimits: Sendable {
    public var configured: [Source]
    public var waitMax: Duration
    /// Which caches may keep what a caller is answered.
    public var caches: CacheScope

    public static let batchIDsMax = 100

    public init(configured: [Source], waitMax: Duration, caches: CacheScope = .shared) {
        self.configured = configured
        self.waitMax = waitMax
        self.caches = caches
    }
}

/// What a caller of `/actions/{id}` or of a batch wants, besides the ids.
public struct Wish: Sendable, Equatable {
    public var source: Source?
    public var patience: Question.Patience
    /// The patience is a batch's as a whole: it ends with the first change of any action.
    public var waitsForAny = false
    /// Seconds that a Prefer field asked for, and got.
    public var waitPreferred: Int?

    /// What the answer says of that (RFC 7240 3).
    public var preferenceApplied: Field? {
        waitPreferred.map { Field(name: "Preference-Applied", value: "wait=\($0)") }
    }

    public func question(_ id: ActionID) -> Question {
        Question(id: id, source: source, patience: patience)
    }
}

public enum QuestionReader {
    /// Reads `source`, `wait`, `until`, Prefer and If-None-Match.
    ///
    /// - Throws: `invalid-parameter`.
    public static func wish(
        _ request: APIRequest, _ limits: APILimits, now: Instant, isBatch: Bool = false
    ) throws(ProblemDetails) -> Wish {
        let query = try QueryReader(request.query)
        let goal = try goal(query, isBatch)
        // A batch's tag is not that of any of its actions.
        let known =
            isBatch && goal == .change ? nil : TagCondition(request.ifNoneMatch)?.knownStates
        let patience = try patience(query, request, goal, known, limits, now)
        let isPreferred = try query.value("wait") == nil && patience != .none
        return Wish(
            source: try source(query, limits), patience: patience,
            waitsForAny: goal == .any && patience != .none,
            waitPreferred: isPreferred
                ? preferredWait(request.prefer).map { min($0, limits.waitMax.secondsRoundedUp) }
                : nil)
    }

    /// The ids of a batch, as they were given: each may be invalid for itself.
    ///
    /// - Throws: `invalid-parameter` for none or too many.
    public static func batchIDs(_ request: APIRequest) throws(ProblemDetails) -> [String] {
        let ids = try QueryReader(request.query).values("id")
        guard (1...APILimits.batchIDsMax).contains(ids.count) else {
            throw .invalidParameter(
                "Give 1 to \(APILimits.batchIDsMax) ids as id=A&id=B; these are \(ids.count).")
        }
        return ids
    }

    private static func source(
        _ query: QueryReader, _ limits: APILimits
    ) throws(ProblemDetails) -> Source? {
        guard let text = try query.value("source") else { return nil }
        guard let source = Source(rawValue: text) else {
            throw .invalidParameter("'source' is 'orders' or 'vouchers'.")
        }
        guard limits.configured.contains(source) else {
            throw .invalidParameter("The source '\(text)' is not configured here.")
        }
        return source
    }

    /// What a wait waits for.
    private enum Goal: String { case done, change, any }

    private static func goal(_ query: QueryReader, _ isBatch: Bool) throws(ProblemDetails) -> Goal {
        let goal = Goal(rawValue: try query.value("until") ?? "done")
        guard let goal, isBatch || goal != .any else {
            throw .invalidParameter(
                isBatch ? "'until' is 'done', 'change' or 'any'." : "'until' is 'done' or 'change'."
            )
        }
        return goal
    }

    private static func patience(
        _ query: QueryReader, _ request: APIRequest, _ goal: Goal, _ known: [UInt64]?,
        _ limits: APILimits, _ now: Instant
    ) throws(ProblemDetails) -> Question.Patience {
        guard let seconds = try waitSeconds(query, request), seconds > 0 else { return .none }
        let wait = min(Duration.seconds(seconds), limits.waitMax)
        guard wait > .zero else { return .none }
        let deadline = now + wait
        return goal == .done ? .done(deadline: deadline) : .change(from: known, deadline: deadline)
    }

    /// The query is an order and must be right; Prefer is a wish, and a broken one is none
    /// (RFC 7240 2).
    private static func waitSeconds(
        _ query: QueryReader, _ request: APIRequest
    ) throws(ProblemDetails) -> Int? {
        guard let text = try query.value("wait") else { return preferredWait(request.prefer) }
        guard let seconds = wholeSeconds(text) else {
            throw .invalidParameter("'wait' is a number of whole seconds, such as wait=30.")
        }
        return seconds
    }

    /// A field's text, scalar by scalar: among characters, a combining mark hides the separator that
    /// it follows, and U+037E equals a semicolon.
    private typealias Scalars = Substring.UnicodeScalarView

    /// The `wait` preference, RFC 7240 4.3. The first of several counts (RFC 7240 2).
    private static func preferredWait(_ prefer: String?) -> Int? {
        guard let prefer else { return nil }
        for preference in unquotedParts(of: prefer.unicodeScalars[...], separator: ",") {
            let token = unquotedParts(of: preference, separator: ";")[0]
            let halves = token.split(separator: "=", maxSplits: 1).map(trimmed)
            guard let name = halves.first, String(name).lowercased() == "wait" else { continue }
            guard halves.count == 2 else { return nil }
            return wholeSeconds(unquoted(halves[1]))
        }
        return nil
    }

    /// Splits at separators that do not stand in a quoted string (RFC 9110 5.6.4).
    private static func unquotedParts(of text: Scalars, separator: Unicode.Scalar) -> [Scalars] {
        var parts: [Scalars] = []
        var start = text.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in text.indices {
            let scalar = text[index]
            if scalar == separator, !isQuoted {
                parts.append(text[start..<index])
                start = text.index(after: index)
                continue
            }
            if scalar == "\"", !isEscaped { isQuoted.toggle() }
            isEscaped = isQuoted && scalar == "\\" && !isEscaped
        }
        return parts + [text[start...]]
    }

    private static func trimmed(_ text: Scalars) -> Scalars {
        let isBlank: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }

    /// A quoted string's text. RFC 9110 5.6.4: a backslash in it stands for what follows it.
    private static func unquoted(_ text: Scalars) -> String {
        guard text.count >= 2, text.first == "\"", text.last == "\"" else { return String(text) }
        var unquoted = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in text.dropFirst().dropLast() {
            isEscaped = scalar == "\\" && !isEscaped
            if !isEscaped { unquoted.append(scalar) }
        }
        return String(unquoted)
    }

    /// Digits only. What no `Int` can hold is very long, not wrong (RFC 9111 1.2.2).
    private static func wholeSeconds(_ text: String) -> Int? {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard !text.isEmpty, text.utf8.allSatisfy(digits.contains) else { return nil }
        return Int(text) ?? .max
    }
}
