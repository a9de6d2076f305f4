// Deliberate faults: a simulator that misses them proves nothing.

/// One way to break the call-frequency guarantee. None of them is in the product.
enum Mutant: String, CaseIterable {
    /// The gate counts from the sending of the last request, not from its end.
    case startToStart
    /// A failed call leaves the gate open.
    case openAfterFailure
    /// A failed call is not completed.
    case completionForgotten
    /// The reservation expires after the interval, as a key with a TTL would.
    case ttlGate
    /// The gate's time is the asking process's wall clock.
    case wallClockGate
    /// A call that timed out completes like one that ended.
    case openAfterTimeout
    /// The client calls again at once with a new token after a 401.
    case retryAfter401
    /// The client sends again on a new connection after a reset.
    case resendAfterReset
    /// A wiped or set back store grants at once.
    case noQuarantine
    /// The budget's window starts at each full minute.
    case fixedWindows
    /// A call counts against the budget from its start, not from its end.
    case budgetFromStart
    /// Unknown ids may use the whole budget.
    case unknownShareIgnored
    /// A process that wakes late still sends.
    case lateSend
    /// A grant lives in its process and dies with it.
    case grantNotDurable
    /// A process that has lost its slot still moves the gate.
    case oldOwnerMovesGate
    /// A pause is known only to the process that got it.
    case pauseNotShared
    /// A call that is connecting is sent although the upstream has asked for a pause meanwhile.
    case sentAfterPause
    /// A wiped or set back store grants again when its gates are safe, but not its budget.
    case shortQuarantine
    /// The store grants a call for an action whose final state it has.
    case finishedGateOpens
    /// A store that was set back takes no result of a call that it has forgotten.
    case forgottenNewsDropped
    /// Change notifications are ignored.
    case noticesIgnored
    /// The store is not asked for changes whose notifications were lost.
    case changesNotAsked
    /// Another process's call looks like a closed gate.
    case neighbourHidden
    /// An answer's age counts from the moment at which a stopped process read it.
    case ageFromWaking
    /// Unknown ids may use the whole day's budget.
    case unknownShareByMinute
    /// Ids that got a 404 may use the unknown ids' whole share.
    case notFoundShareIgnored
    /// One key holder may use the unknown ids' whole share.
    case holderShareIgnored
    /// The upstream gets the spelling that was requested last.
    case spelledAsAsked
    /// Consecutive failures do not stop calls.
    case breakerNeverOpens
    /// After the pause, all queued calls go out at once.
    case breakerProbesAtOnce
    /// Calls stop for a second, however often the probe failed.
    case breakerNeverGrows
    /// Calls that have stopped do not start again.
    case breakerStaysOpen
    /// Three failures are enough.
    case breakerOpensEarly
    /// When calls to one upstream stop, so do those to the other.
    case breakerShared
    /// A caller with one upstream's answer is held until the other one's call has ended.
    case heldForOther
    /// Refreshes with waiting callers do not come first.
    case waitingNotFirst
    /// The youngest state is refreshed first.
    case youngestFirst
    /// The id requested first comes first, however often it has been called.
    case firstAskedFirst
    /// Requests for many actions come before requests for one.
    case manyBeforeOne
    /// An answer published under a block reason stays until the block ends.
    case publishedPastDue
    /// A completed call leaves the budget at once.
    case endNotCounted
    /// A bucket's calls count as if all had ended at its beginning.
    case bucketEndsEarly
    /// A decision is written although another process has written since it was read.
    case staleWrite
    /// No process remembers the database's identity and position.
    case continuityForgotten
    /// A database clock that steps ahead is followed.
    case clockFollowed
    /// A database that lost part of its history continues from the last time that it wrote.
    case timeLostWithThePast
    /// After a server's start, calls are granted before other processes can object.
    case startupBarrierMissing
    /// A first visit to the store reserves without a look at what is kept.
    case firstVisitBlind
    /// What a first visit has reserved is not counted.
    case firstVisitUncounted
}
