// Records of a store's rows.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

struct StoredEntryTests {
    /// Rows are read after the clock, and another replica may have reserved a call in between.
    @Test func gateOfARowNewerThanTheClockIsShutForItsHoldAtMost() throws {
        let reserved = Instant(nanoseconds: 10_000_000_000)
        let before = StoreMoment(
            time: reserved - .milliseconds(5), wall: WallTime(milliseconds: 0))
        let id = try #require(ActionID("aa_1"))
        var entry = StoredEntry(
            key: EntryKey(.vouchers, id), firstSeen: before, opens: reserved + .seconds(18))
        entry.lease = StoredEntry.Lease(
            token: FencingToken(1), reserved: reserved, ends: reserved + .seconds(13),
            classes: CallClasses(isUnknown: true, wasNotFound: false, holder: nil))
        expectEqual(entry.record(at: before, nil).opensIn, .seconds(18))
    }
}
