// A refresh under way: credential, slot, call, and what the store has of it.

/// At most one per action and upstream (invariant 6).
struct Flight: Sendable {
    var number: UInt64
    var startedAt: Instant
    /// When somebody first asked for it.
    var deferredSince: Instant
    /// The line from which it came.
    var line: RefreshLine
    /// Whose question caused it.
    var starter: CallerID?
    var holder: String?
    var cause: String?
    var stage: Stage

    /// preparing → reserving → calling → completing → applied; each may also end the flight.
    enum Stage: Sendable {
        case preparing
        case reserving(askedAt: Instant)
        case calling(FencingToken)
        /// The call has ended; its report is applied when the store has it, or a little later.
        /// A report is large and held for a moment only: it does not make every entry larger.
        indirect case completing(CallReport, Completion, askedAt: Instant)
        /// The report is applied, and the store has still not confirmed it.
        indirect case applied(Completion, askedAt: Instant)
    }

    /// A store that is slow to complete does not keep news from callers for longer than that.
    static let completionGrace = Duration.milliseconds(500)

    /// When its stage ends though nothing happens.
    var stageDeadline: Instant {
        guard case .completing(_, _, let askedAt) = stage else { return .distantFuture }
        return askedAt + Self.completionGrace
    }
}

extension Entry {
    /// How far a refresh has come that somebody waits for.
    enum Progress: Sendable {
        /// The credential is on its way.
        case preparing
        /// It waits for its turn or its slot.
        case reserving
        case calling

        /// The word for callers who have waited in vain.
        var word: String {
            switch self {
            case .preparing: UpstreamFault.Kind.tokenUnavailable.rawValue
            case .reserving: BlockReason.store.word
            case .calling: UpstreamFault.Kind.timedOut.rawValue
            }
        }

        var problemCode: Problem.Code {
            switch self {
            case .preparing: .upstreamUnavailable
            case .reserving: .storeUnavailable
            case .calling: .upstreamTimeout
            }
        }
    }

    var progress: Progress {
        switch flight?.stage {
        case nil: peerCall == nil ? .reserving : .calling
        case .preparing: .preparing
        case .reserving: .reserving
        case .calling, .completing, .applied: .calling
        }
    }

    /// When the refresh that callers may wait for began, here or elsewhere; nil when none is under
    /// way.
    var refreshStartedAt: Instant? {
        guard let flight else { return peerCall?.startedAt }
        if case .applied = flight.stage { return nil }
        return flight.startedAt
    }
}
