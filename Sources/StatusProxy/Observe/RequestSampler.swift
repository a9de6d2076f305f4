// Which requests get a log line, when there are too many for a line each.

import StatusCore

/// Which requests are logged (`LOG_REQUESTS`).
enum RequestLogging: String, CaseIterable, Sendable {
    /// Each.
    case all
    /// Answers that cost nothing by samples beyond a rate; all others each.
    case sampled
    /// Only those that failed.
    case trouble
}

/// What an answer cost, or that it was none to be content with.
enum AnswerKind: CaseIterable, Sendable {
    /// A stored state.
    case hit
    /// Nothing of an action: health, metrics, the page.
    case own
    /// An upstream call, or a wait: budgets and places bound how many there are.
    case call
    /// A status of 400 or more, or an answer that its caller did not get whole.
    case trouble
}

/// Decides about one request after the other, by their moments alone. One for each event loop.
struct RequestSampler: Sendable {
    /// Lines of one kind a second, and as many at once after a pause.
    static let linesPerSecond = 100

    private let logging: RequestLogging
    private var hits = Sampled()
    private var others = Sampled()

    private struct Sampled: Sendable {
        private var quota = RequestQuota(perSecond: RequestSampler.linesPerSecond)
        private var skipped = 0

        mutating func take(now: Instant) -> Int? {
            guard quota.take(now: now) == nil else {
                skipped += 1
                return nil
            }
            defer { skipped = 0 }
            return skipped + 1
        }
    }

    init(_ logging: RequestLogging) { self.logging = logging }

    /// How many requests the line of this one stands for: itself, and those of its kind since the last
    /// line; nil: it gets no line.
    mutating func take(_ kind: AnswerKind, now: Instant) -> Int? {
        switch (logging, kind) {
        case (.all, _), (_, .trouble), (.sampled, .call): 1
        case (.sampled, .hit): hits.take(now: now)
        case (.sampled, .own): others.take(now: now)
        case (.trouble, _): nil
        }
    }
}
