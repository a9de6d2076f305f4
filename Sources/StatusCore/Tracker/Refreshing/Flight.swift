// A refresh under way: credential, slot, call, completion.

/// There is at most one per action and upstream.
struct Flight: Sendable {
    var number: UInt64
    var startedAt: Instant
    /// When it was first asked for.
    var deferredSince: Instant
    /// The queue from which it came.
    var line: RefreshLine
    /// The caller whose question caused it.
    var starter: CallerID?
    var holder: String?
    var cause: String?
    var stage: Stage

    /// preparing → reserving → calling → completing → applied; each may also end the flight.
    enum Stage: Sendable {
        case preparing
        case reserving(askedAt: Instant)
        case calling(FencingToken)
        /// The call has ended; its report is applied once the store has recorded it, or a little
        /// later. Indirect, since a report is large and held only briefly.
        indirect case completing(CallReport, Completion, askedAt: Instant)
        /// The report is applied, but the store has not confirmed it yet.
        indirect case applied(Completion, askedAt: Instant)
    }

    /// The longest time that a slow store delays a result for callers.
    static let completionGrace = Duration.milliseconds(500)

    /// When its stage ends without further events.
    var stageDeadline: Instant {
        guard case .completing(_, _, let askedAt) = stage else { return .distantFuture }
        return askedAt + Self.completionGrace
    }
}

extension Entry {
    /// The progress of a refresh that a caller waits for.
    enum Progress: Sendable {
        /// The credential is being fetched.
        case preparing
        /// It waits for its turn or its slot.
        case reserving
        case calling

        /// The word for callers that have waited without a result.
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

    /// When the refresh that callers may wait for began, here or at a peer; nil if none is under
    /// way.
    var refreshStartedAt: Instant? {
        guard let flight else { return peerCall?.startedAt }
        if case .applied = flight.stage { return nil }
        return flight.startedAt
    }
}
