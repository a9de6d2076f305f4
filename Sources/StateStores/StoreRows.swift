// What the rules need to read and write: rows, in memory or in a file. Used within one atomic step.

import StatusCore

/// The rows of a store that decides by `StoreRules`. Not for concurrent use.
protocol StoreRows: AnyObject {
    associatedtype Failure: Error

    /// Its key is spelled as it was when the look was added.
    func look(_ key: LookKey) throws(Failure) -> KeptLook?
    /// True when any upstream has told a state of this id.
    func isKnown(_ id: ActionID) throws(Failure) -> Bool
    func add(_ look: KeptLook) throws(Failure)
    func moveGate(of key: LookKey, opens: Instant, owner: SlotToken) throws(Failure)
    /// Keeps all of the look but its owner and `firstSeen`.
    func keepNews(of look: KeptLook) throws(Failure)

    /// Enters a call into the journal under a token higher than all before.
    func add(_ call: NewCall) throws(Failure) -> SlotToken
    func call(_ token: SlotToken) throws(Failure) -> KeptCall?
    /// Keeps a call's end, state, sending and outcome.
    func keepEnd(of call: KeptCall) throws(Failure)
    /// Calls that ended, or can end, after `moment`.
    func callCount(_ source: Source, endingAfter moment: Instant) throws(Failure) -> Int
    /// The end of the group's `rank`-th latest call (1 is the latest); nil when there are fewer.
    func callEnd(_ source: Source, rank: Int, of group: CallGroup) throws(Failure) -> Instant?

    func source(_ source: Source) throws(Failure) -> KeptSource
    func keep(_ state: KeptSource, of source: Source) throws(Failure)
}

/// A call about to be granted.
struct NewCall {
    var key: LookKey
    var before: SlotToken?
    var reserved: StoreMoment
    /// The latest moment at which it can end.
    var ends: Instant
    var wasUnknown: Bool
    var wasNotFound = false
    var holder: String?
    var limits: CallLimits
}
