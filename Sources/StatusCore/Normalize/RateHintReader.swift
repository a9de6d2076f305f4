// What the header fields of an upstream's answer say of its limits.

/// Reads `Retry-After` and the `X-Rate-Limit-…` fields.
///
/// `Retry-After` counts from the answer or names a date; `X-Rate-Limit-Retry` is a Unix time. Each
/// is read as what it is and never guessed to be the other, and the result is clamped: a mix-up by
/// anyone costs an hour at most, not 55 years (`upstreams`, trap 5).
enum RateHintReader {
    static let waitMin = Duration.seconds(1)
    static let waitMax = Duration.seconds(3600)
    /// For an upstream that says "no more" without saying until when.
    static let waitUntold = Duration.seconds(60)

    static func hints(in reply: UpstreamReply, now: WallTime) -> RateHints {
        let remaining = reply.value(of: "x-rate-limit-remaining").flatMap(wholeNumber)
        return RateHints(
            remaining: remaining.map(Int.init),
            retryAfter: wait(in: reply, remaining: remaining, now: now),
            isCycleLimit: isCycleLimit(reply))
    }

    private static func isCycleLimit(_ reply: UpstreamReply) -> Bool {
        trimmed(reply.value(of: "x-rate-limit-type") ?? "").lowercased() == "api_calls_cycle"
    }

    /// `Retry-After` comes first: its seconds need no two clocks to agree.
    private static func wait(
        in reply: UpstreamReply, remaining: Int64?, now: WallTime
    ) -> Duration? {
        let isLimited = reply.status == 429 || remaining == 0
        if let span = retryAfter(in: reply, now: now) { return span.clamped(waitMin, waitMax) }
        // With calls left, the field only names the window's end; the next call is allowed now.
        if isLimited || remaining == nil, let span = rateLimitRetry(in: reply, now: now) {
            return span.clamped(waitMin, waitMax)
        }
        return isLimited ? waitUntold : nil
    }

    /// RFC 9110, 10.2.3: seconds, or a date. A date that has passed (or two clocks that disagree)
    /// tells nothing.
    private static func retryAfter(in reply: UpstreamReply, now: WallTime) -> Duration? {
        guard let text = reply.value(of: "retry-after") else { return nil }
        if let seconds = wholeNumber(text) { return span(seconds: seconds) }
        return HTTPDate.parse(text, now: now).flatMap { future($0, now: now) }
    }

    /// Unix seconds of the next allowed call. A moment that is not ahead tells nothing.
    private static func rateLimitRetry(in reply: UpstreamReply, now: WallTime) -> Duration? {
        guard let seconds = reply.value(of: "x-rate-limit-retry").flatMap(wholeNumber) else {
            return nil
        }
        return future(WallTime(milliseconds: min(seconds, secondsMax) * 1000), now: now)
    }

    private static func future(_ time: WallTime, now: WallTime) -> Duration? {
        let (span, overflows) = time.milliseconds.subtractingReportingOverflow(now.milliseconds)
        guard !overflows else { return time > now ? waitMax : nil }
        return span > 0 ? .milliseconds(span) : nil
    }

    private static func span(seconds: Int64) -> Duration { .seconds(min(seconds, secondsMax)) }

    /// More than any date that a field can mean, and far from an overflow in milliseconds.
    private static let secondsMax: Int64 = 1_000_000_000_000

    // MARK: Field values

    /// Digits only; what does not fit is the largest number.
    private static func wholeNumber(_ text: String) -> Int64? {
        let text = trimmed(text)
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text) ?? .max
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
