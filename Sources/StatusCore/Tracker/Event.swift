// What happens to the tracker, and what is to be done about it: data both ways, no calls.

/// Something that has happened.
public enum Event: Sendable {
    case asked(CallerID, Question)
    /// The caller went away.
    case left(CallerID)
    case lookedUp(ActionID, Result<[EntryRecord], StoreFailure>)
    case reread([ActionID], Result<[EntryRecord], StoreFailure>)
    case prepared(EntryKey, flight: UInt64, CredentialFailure?)
    /// The upstream may have another credential from now on.
    case credentialReplaced(Source)
    case reserved(EntryKey, flight: UInt64, Result<ReservationReply, StoreFailure>)
    case called(EntryKey, flight: UInt64, CallReport)
    case completed(EntryKey, flight: UInt64, Result<CompletionReply, StoreFailure>)
    /// Somebody wants to know why an action's answer is what it is.
    case inquired(CallerID, ActionID)
    /// A compressed form of its state is held, too.
    case compressed(ActionID)
    /// Another process has changed what the store keeps.
    case noticed(StoreNotice)
    /// ``ActionTracker/nextWake`` has come.
    case woke
    /// The service is about to stop: who waits for news is answered with what there is.
    case drained
}

/// How a call went, after normalisation.
public struct CallReport: Sendable, Equatable {
    public var outcome: CallOutcome
    public var hints: RateHints
    public var sentAt: Instant?
    public var endedAt: Instant
    /// No later than the upstream answered: ages count from here.
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

/// Something to be done. Each of the first six is followed by exactly one event of its kind.
public enum Effect: Sendable, Equatable {
    case lookUp(ActionID)
    /// The same for actions that are known here already, all with one operation of the store.
    case reread([ActionID])
    case prepare(EntryKey, flight: UInt64)
    case reserve(Reservation, flight: UInt64)
    case call(EntryKey, flight: UInt64, sendBefore: Instant)
    case complete(Completion, flight: UInt64)
    /// Forget the token with which the upstream answered 401.
    case refuseCredential(Source)
    /// From now on nothing is sent to it before that.
    case leaveAlone(Source, until: Instant)
    case reply(CallerID, Reply)
    case explain(CallerID, Explanation)
    /// From now on the answer may be served without asking the tracker.
    case publish(ActionID, Snapshot)
    /// From now on the tracker has to be asked again.
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
    /// A call was sent sooner after the one before than the interval that it was granted under allows.
    case violated(Source, gap: Duration)
    /// An action is done, and was not when it was last asked for.
    case finished(EntryKey, ActionStatus, ActionEnding?)
    case denied(Source, BlockReason)
    /// Something keeps the upstream from being called; not new: its end has moved.
    case blocked(Source, SourceBlock, isNew: Bool)
    /// That is over.
    case unblocked(Source, SourceBlock)
    /// An answer that cannot be: an upstream called a finished action unfinished. It is not served.
    case terminalRegressed(EntryKey)
    case storeFailed(String)
    /// It does again what failed before.
    case storeWorked
}
