// Reads hints about an upstream's limits from the fields of its answer.

/// Reads `Retry-After` and the `X-Rate-Limit-…` fields.
///
/// `Retry-After` is in seconds from the answer, or a date; `X-Rate-Limit-Retry` is a Unix time.
/// Neither is guessed to be the other, and the result is clamped: a mistake costs at most an hour,
/// not 55 years. The latest of several times counts, and the smallest of several counts.
enum RateHintReader {
    static let waitMin = Duration.seconds(1)
    static let waitMax = Duration.seconds(3600)
    /// For an upstream that reports no calls left without a time.
    static let waitUnknown = Duration.seconds(60)

    static func hints(in reply: UpstreamReply, now: WallTime) -> RateHints {
        let remaining = reply.values(of: "x-rate-limit-remaining").compactMap(wholeNumber).min()
        let isLimited = reply.status == 429 || remaining == 0
        let reported = retryAfter(in: reply, now: now)
        let limitEnd = rateLimitRetry(in: reply, now: now)
        let limit = [reported, limitEnd].compactMap { $0 }.max()
        // With calls left, `X-Rate-Limit-Retry` only names the window's end: the next call is allowed now.
        let wait = isLimited || remaining == nil ? limit : reported
        return RateHints(
            remaining: remaining.map(Int.init),
            remainingFor: isLimited ? limit : limitEnd,
            retryAfter: wait ?? (isLimited ? waitUnknown : nil),
            isCycleLimit: isCycleLimit(reply))
    }

    private static func isCycleLimit(_ reply: UpstreamReply) -> Bool {
        trimmed(reply.value(of: "x-rate-limit-type") ?? "").lowercased() == "api_calls_cycle"
    }

    /// The wait of the fields `Retry-After`, clamped; nil if none can be read. A date in the past
    /// (perhaps by another clock) is ignored.
    static func retryAfter(in reply: UpstreamReply, now: WallTime) -> Duration? {
        let spans = reply.values(of: "retry-after").flatMap { retryAfters(in: $0, now: now) }
        return spans.max()?.clamped(waitMin, waitMax)
    }

    /// RFC 9110, 10.2.3: seconds, or a date. Also accepts fractions, ISO dates, and several lines
    /// that a gateway has joined, which occur in practice.
    private static func retryAfters(in text: String, now: WallTime) -> [Duration] {
        if let span = retryAfter(text, now: now) { return [span] }
        // The comma after a weekday is not a separator.
        let parts = text.split(separator: ",")
        let dates = zip(parts, parts.dropFirst()).map { "\($0),\($1)" }
        return (parts.map(String.init) + dates).compactMap { retryAfter($0, now: now) }
    }

    private static func retryAfter(_ text: String, now: WallTime) -> Duration? {
        if let seconds = secondsRoundedUp(text) { return span(seconds: seconds) }
        let date = HTTPDate.parse(text, now: now) ?? RFC3339.parse(String(trimmed(text)))
        return date.flatMap { future($0, now: now) }
    }

    /// Unix seconds of the next allowed call. A time in the past is ignored.
    private static func rateLimitRetry(in reply: UpstreamReply, now: WallTime) -> Duration? {
        let seconds = reply.values(of: "x-rate-limit-retry").compactMap(secondsRoundedUp).max()
        guard let seconds else { return nil }
        let time = WallTime(milliseconds: min(seconds, secondsMax) * 1000)
        return future(time, now: now)?.clamped(waitMin, waitMax)
    }

    private static func future(_ time: WallTime, now: WallTime) -> Duration? {
        let (span, overflows) = time.milliseconds.subtractingReportingOverflow(now.milliseconds)
        guard !overflows else { return time > now ? waitMax : nil }
        return span > 0 ? .milliseconds(span) : nil
    }

    private static func span(seconds: Int64) -> Duration { .seconds(min(seconds, secondsMax)) }

    /// Beyond any date that a field can mean, and far from an overflow in milliseconds.
    private static let secondsMax: Int64 = 1_000_000_000_000

    // MARK: Field values

    /// Digits only; a number that overflows becomes the largest one.
    private static func wholeNumber(_ text: String) -> Int64? {
        let text = trimmed(text)
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text) ?? .max
    }

    /// A number with or without a fraction.
    private static func secondsRoundedUp(_ text: String) -> Int64? {
        let parts = trimmed(text).split(
            separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ wholeNumber(String($0)) }) else { return nil }
        guard parts.count == 2 else { return whole }
        guard wholeNumber(String(parts[1])) != nil else { return nil }
        let isWhole = parts[1].allSatisfy { $0 == "0" }
        return isWhole || whole == .max ? whole : whole + 1
    }

    /// Without optional white space (RFC 9110, 5.6.3) at either end.
    private static func trimmed(_ text: String) -> Substring {
        var text = text[...]
        while let first = text.first, isSpace(first) { text.removeFirst() }
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    private static func isSpace(_ character: Character) -> Bool {
        character == " " || character == "\t"
    }
}
