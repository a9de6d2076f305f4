// How fast a peer takes what it is owed, by what the kernel tells of it.

/// One peer's pace since a mark. Times are on the loop's clock, in nanoseconds.
///
/// Between two sends the kernel's figure of bytes that the peer has not taken only sinks, and what it
/// has sunk by was taken. So it is looked at before and after each send. A Unix socket counts the
/// kernel's own overhead with the bytes: too much in the peer's favour, never against it.
struct Pace {
    /// What the kernel had and the peer had not, at the last look.
    private var untaken = 0
    /// Taken since the mark.
    private var taken = 0
    /// All that was owed at the mark.
    private var owed = 0
    private(set) var markedAt: Int64 = 0
    /// When something was seen to be taken, or the mark.
    private var takenAt: Int64 = 0

    /// Begins anew.
    mutating func mark(untaken: Int, unsent: Int, now: Int64) {
        self.untaken = max(0, untaken)
        taken = 0
        owed = self.untaken + unsent
        markedAt = now
        takenAt = now
    }

    /// Before a send, or when the pace is judged; negative when the kernel does not tell. Returns whether
    /// something was taken.
    @discardableResult
    mutating func look(untaken: Int, now: Int64) -> Bool {
        guard untaken >= 0 else { return false }
        let sunk = self.untaken - untaken
        self.untaken = untaken
        guard sunk > 0 else { return false }
        taken += sunk
        takenAt = now
        return true
    }

    /// Right after a send.
    mutating func sent(untaken: Int) {
        guard untaken >= 0 else { return }
        self.untaken = untaken
    }

    /// The peer has taken all that the kernel had for it.
    var hasAll: Bool { untaken == 0 }

    /// Whether the peer has taken so many bytes a second since the mark, or all that was owed then.
    func isKept(bytesPerSecond: Int, now: Int64) -> Bool {
        hasAll || taken >= owed || paidUntil(bytesPerSecond: bytesPerSecond) >= now
    }

    /// Since when the peer is behind: it has taken nothing since, or what it has taken was enough up to
    /// then. What its kernel takes at once for a peer that never reads is no credit.
    func behindSince(bytesPerSecond: Int) -> Int64 {
        min(takenAt, paidUntil(bytesPerSecond: bytesPerSecond))
    }

    private func paidUntil(bytesPerSecond: Int) -> Int64 {
        let (paid, isOver) = Int64(taken).multipliedReportingOverflow(by: 1_000_000_000)
        return markedAt + (isOver ? .max / 2 : paid / Int64(max(1, bytesPerSecond)))
    }
}
