// Decides which requests are logged.

import StatusCore

/// Which requests are logged (`LOG_REQUESTS`).
enum RequestLogging: String, CaseIterable, Sendable {
    /// All requests.
    case all
    /// Answers from memory are sampled beyond a rate; all others are logged.
    case sampled
    /// Only those that failed.
    case trouble
}

/// The kind of an answer, by its cost, or as a failure.
enum AnswerKind: CaseIterable, Sendable {
    /// A stored state.
    case hit
    /// Not about an action: health, metrics, the page.
    case own
    /// With an upstream call or a wait: budgets and limits bound their number.
    case call
    /// A status of 400 or more, or an answer that was cut off.
    case trouble
}

/// Decides about each request by its time. There is one for each event loop.
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

    /// The number of requests that this one's line stands for: itself, and those of its kind since
    /// the last line. Nil: it is not logged.
    mutating func take(_ kind: AnswerKind, now: Instant) -> Int? {
        switch (logging, kind) {
        case (.all, _), (_, .trouble), (.sampled, .call): 1
        case (.sampled, .hit): hits.take(now: now)
        case (.sampled, .own): others.take(now: now)
        case (.trouble, _): nil
        }
    }
}
