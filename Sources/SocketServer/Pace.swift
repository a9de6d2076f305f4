// Measures how fast a peer takes its answers, from the kernel's figures.

/// One peer's pace since a mark. Times are on the loop's clock, in nanoseconds.
///
/// Between two sends the kernel's figure of untaken bytes only falls, and the difference was taken.
/// So it is read before and after each send. A Unix socket's figure includes the kernel's overhead,
/// which is in the peer's favour.
struct Pace {
    /// The bytes in the kernel that the peer had not taken at the last reading.
    private var untaken = 0
    /// The bytes taken since the mark.
    private var taken = 0
    /// All bytes that were pending at the mark.
    private var owed = 0
    private(set) var markedAt: Int64 = 0
    /// When progress was last seen, or the mark.
    private var takenAt: Int64 = 0

    /// Starts a new measurement.
    mutating func mark(untaken: Int, unsent: Int, now: Int64) {
        self.untaken = max(0, untaken)
        taken = 0
        owed = self.untaken + unsent
        markedAt = now
        takenAt = now
    }

    /// Called before a send and for a check. `untaken` is negative if the kernel gives no figure.
    /// Returns whether the peer has taken bytes.
    @discardableResult
    mutating func check(untaken: Int, now: Int64) -> Bool {
        guard untaken >= 0 else { return false }
        let sunk = self.untaken - untaken
        self.untaken = untaken
        guard sunk > 0 else { return false }
        taken += sunk
        takenAt = now
        return true
    }

    /// Called right after a send.
    mutating func sent(untaken: Int) {
        guard untaken >= 0 else { return }
        self.untaken = untaken
    }

    /// Whether the peer has taken all bytes from the kernel.
    var hasAll: Bool { untaken == 0 }

    /// Whether the peer has taken that many bytes a second since the mark, or all bytes that were
    /// pending then.
    func isKept(bytesPerSecond: Int, now: Int64) -> Bool {
        hasAll || taken >= owed || paidUntil(bytesPerSecond: bytesPerSecond) >= now
    }

    /// Since when the peer has been behind: the time of its last progress, or the time up to which
    /// its bytes were enough. Bytes that its kernel buffers for a peer that never reads give no
    /// credit.
    func behindSince(bytesPerSecond: Int) -> Int64 {
        min(takenAt, paidUntil(bytesPerSecond: bytesPerSecond))
    }

    private func paidUntil(bytesPerSecond: Int) -> Int64 {
        let (paid, isOver) = Int64(taken).multipliedReportingOverflow(by: 1_000_000_000)
        return markedAt + (isOver ? .max / 2 : paid / Int64(max(1, bytesPerSecond)))
    }
}
