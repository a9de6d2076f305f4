// Faults that are built in on purpose: a simulator that does not find them proves nothing.

/// One way to get the call-frequency guarantee wrong. None of them is in the product.
enum Mutant: String, CaseIterable {
    /// The gate counts from the sending of the last request, not from its end.
    case startToStart
    /// A failed call leaves the gate open.
    case openAfterFailure
    /// A failed call is not completed.
    case completionForgotten
    /// The reservation runs out after the interval, as a key with a TTL would.
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
    /// The budget counts from each full minute on.
    case fixedWindows
    /// A call counts against the budget from its start, not from its end.
    case budgetFromStart
    /// Ids of no known action may use the whole budget.
    case unknownShareIgnored
    /// A process that wakes late still sends.
    case lateSend
    /// A grant lives in its process and dies with it.
    case grantNotDurable
    /// Who lost the slot still moves the gate.
    case oldOwnerMovesGate
    /// A pause is known only to the process that was told of it.
    case pauseNotShared
    /// A call that is connecting is sent though the upstream has asked for a pause meanwhile.
    case sentAfterPause
    /// A wiped or set back store grants again when its gates are safe, but not its budget.
    case shortQuarantine
    /// The store grants a call for an action whose end it keeps.
    case finishedGateOpens
    /// A store that was set back takes no news of a call that it has forgotten.
    case forgottenNewsDropped
    /// Nobody listens to what other processes have done.
    case noticesIgnored
    /// The store is not asked what notices did not tell.
    case changesNotAsked
    /// A call that another process is making cannot be told from a gate that is shut.
    case neighbourHidden
    /// An answer counts from the moment at which a stopped process found it.
    case ageFromWaking
    /// Ids of no known action may use the whole day's budget.
    case unknownShareByMinute
    /// Ids that have read as 404 may use all that unknown ids may.
    case notFoundShareIgnored
    /// One key holder may use all that unknown ids may.
    case holderShareIgnored
    /// The upstream is asked with the spelling that was asked for last.
    case spelledAsAsked
    /// Failures in a row do not stop calls.
    case breakerNeverOpens
    /// Once the time is over, all that waits is called at once.
    case breakerProbesAtOnce
    /// Calls stop for a second, however often that was in vain.
    case breakerNeverGrows
    /// Calls that have stopped do not start again.
    case breakerStaysOpen
    /// Three failures are enough.
    case breakerOpensEarly
    /// When calls to one upstream stop, so do those to the other.
    case breakerShared
    /// Who has the answer of one upstream is held until the other one's call has ended.
    case heldForOther
    /// Who waits comes no earlier than others.
    case waitingNotFirst
    /// The youngest knowledge comes first.
    case youngestFirst
    /// Who was asked for first comes first, however often it has been called.
    case firstAskedFirst
    /// Requests for many actions come before requests for one.
    case manyBeforeOne
    /// What is published under a block reason stands until its end.
    case publishedPastDue
    /// A completed call leaves the budget at once.
    case endNotCounted
    /// A bucket's calls count as if all had ended at its beginning.
    case bucketEndsEarly
    /// A decision is written although somebody else has written since its reading.
    case staleWrite
    /// Nobody remembers what the database was.
    case continuityForgotten
    /// A database's clock that goes ahead is followed.
    case clockFollowed
    /// A database that has lost some of its past goes on from the last time that it has written.
    case timeLostWithThePast
    /// After a server's start calls are granted before other processes can object.
    case startupBarrierMissing
}
