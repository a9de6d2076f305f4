// The tracker's events and effects, as data.

/// An event.
public enum Event: Sendable {
    case asked(CallerID, Question)
    /// The caller went away.
    case left(CallerID)
    case lookedUp(ActionID, Result<LookUpReply, StoreFailure>)
    case reread([ActionID], Result<[EntryRecord], StoreFailure>)
    case prepared(EntryKey, flight: UInt64, CredentialFailure?)
    /// The source's credential may have changed.
    case credentialReplaced(Source)
    case reserved(EntryKey, flight: UInt64, Result<ReservationReply, StoreFailure>)
    case called(EntryKey, flight: UInt64, CallReport)
    case completed(EntryKey, flight: UInt64, Result<CompletionReply, StoreFailure>)
    /// An explanation of an action is requested.
    case explanationAsked(CallerID, ActionID)
    /// A compressed form of the state is now stored, too.
    case compressed(ActionID)
    /// Another process has changed the store.
    case notified(ChangeNotification)
    /// The time ``ActionTracker/nextWake`` has come.
    case woke
    /// The service is about to stop: waiting callers get the stored answers.
    case drained
}

/// How a call went, after normalisation.
public struct CallReport: Sendable, Equatable {
    public var outcome: CallOutcome
    public var hints: RateHints
    public var sentAt: Instant?
    public var endedAt: Instant
    /// No later than the upstream's answer: ages count from here.
    public var answeredAt: Instant
    /// `answeredAt` for people.
    public var checkedAt: WallTime

    public init(
        outcome: CallOutcome, hints: RateHints, sentAt: Instant?, endedAt: Instant,
        answeredAt: Instant? = nil, checkedAt: WallTime
    ) {
        self.outcome = outcome
        self.hints = hints
        self.sentAt = sentAt
        self.endedAt = endedAt
        self.answeredAt = answeredAt ?? endedAt
        self.checkedAt = checkedAt
    }
}

/// An effect to perform. Each of the first six is followed by exactly one event of its kind.
public enum Effect: Sendable, Equatable {
    /// Looks up an action that is new to this process. If the store has no record of it, the store
    /// reserves those of the calls for which a credential is available.
    case lookUp(ActionID, orReserve: [Reservation])
    /// The same for tracked actions, with one operation of the store for all.
    case reread([ActionID])
    case prepare(EntryKey, flight: UInt64)
    case reserve(Reservation, flight: UInt64)
    case call(EntryKey, flight: UInt64, sendBefore: Instant)
    case complete(Completion, flight: UInt64)
    /// Drop the token that got a 401.
    case refuseCredential(Source)
    /// Send nothing to the source before that time.
    case leaveAlone(Source, until: Instant)
    case reply(CallerID, Reply)
    case explain(CallerID, Explanation)
    /// Serve the answer without the tracker from now on.
    case publish(ActionID, Snapshot)
    /// Ask the tracker again from now on.
    case withdraw(ActionID)
    case note(Note)
}

/// What is logged and counted for operators.
public enum Note: Sendable, Equatable {
    /// `cause`: the request that caused the call.
    case called(
        EntryKey, outcome: String, took: Duration, sent: Bool, detail: UpstreamFault?,
        cause: String?)
    case gap(Source, smallest: Duration)
    /// A call was sent sooner after the previous one than the interval allows under which it was
    /// granted.
    case violated(Source, gap: Duration)
    /// An action is done, and was not at the previous call.
    case finished(EntryKey, ActionStatus, ActionEnding?)
    case denied(Source, BlockReason)
    /// A block of the source has begun, or, if not new, its end has moved.
    case blocked(Source, SourceBlock, isNew: Bool)
    /// The block has ended.
    case unblocked(Source, SourceBlock)
    /// An upstream reported a finished action as unfinished. The answer is not served.
    case terminalRegressed(EntryKey)
    case storeFailed(String)
    /// The store carries out operations again that failed before.
    case storeWorked
}
