import TestSupport
import Testing

@testable import StatusCore

@Suite struct ActionTableTests {
    private static func id(_ number: Int) -> ActionID { .of("aa_\(number)") }

    private static func tracked(_ number: Int) -> TrackedAction {
        TrackedAction(id(number), now: Instant(nanoseconds: Int64(number)))
    }

    private static func published(_ number: Int) -> Snapshot {
        let answer = Answer(
            document: .of(.succeeded), checkedAt: WallTime(milliseconds: 0),
            answeredAt: .distantPast, freshUntil: .distantFuture, keptUntil: .distantFuture,
            nextRefreshAt: nil, staleReason: nil, service: .hit)
        return Snapshot(id(number), answer, servableUntil: .distantFuture)
    }

    /// What is done at random is done to a dictionary, too.
    @Test(arguments: UInt64(0)..<8)
    func itHoldsWhatADictionaryWould(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var table = ActionTable(capacity: 4, seed: seed)
        var tracked: Set<Int> = []
        var retired: Set<Int> = []
        for _ in 0..<20_000 {
            let number = Int(random.next() % 3_000)
            let id = Self.id(number)
            switch random.next() % 4 {
            case 0:
                table[id] = Self.tracked(number)
                tracked.insert(number)
            case 1:
                table[id] = nil
                tracked.remove(number)
            case 2:
                guard tracked.remove(number) != nil else { continue }
                table.retire(id, Self.published(number))
                retired.insert(number)
            default:
                expectEqual(table.takeRetired(id) != nil, retired.remove(number) != nil)
            }
        }
        #expect(table.count == tracked.count && table.retiredCount == retired.count)
        for number in 0..<3_000 {
            let id = Self.id(number)
            let since = table[id]?.entries[.vouchers].firstSeenAt.nanoseconds
            expectEqual(since, tracked.contains(number) ? Int64(number) : nil)
            expectEqual(table.retired(id) != nil, retired.contains(number))
            let isHeld = tracked.contains(number) || retired.contains(number)
            expectEqual(table.place(of: id).flatMap(table.id), isHeld ? id : nil)
        }
    }

    @Test func aPlaceStaysWhileAnythingIsHeld() {
        var table = ActionTable(capacity: 4, seed: 1)
        table[Self.id(1)] = Self.tracked(1)
        let place = table.place(of: Self.id(1))
        table.retire(Self.id(1), Self.published(1))
        table[Self.id(1)] = Self.tracked(1)
        _ = table.takeRetired(Self.id(1))
        #expect(place != nil && table.place(of: Self.id(1)) == place)
        table[Self.id(1)] = nil
        #expect(table.place(of: Self.id(1)) == nil)
    }

    @Test func bytesCountUntilTheActionIsForgotten() {
        var table = ActionTable(capacity: 4, seed: 1)
        for number in 1...2 {
            table[Self.id(number)] = Self.tracked(number)
            table.setBytes(10, of: Self.id(number))
        }
        table.setBytes(30, of: Self.id(2))
        table.setBytes(5, of: Self.id(3))
        expectEqual(table.bytes, 40)
        table.retire(Self.id(2), Self.published(2))
        expectEqual(table.bytes, 40)
        _ = table.takeRetired(Self.id(2))
        table[Self.id(1)] = nil
        expectEqual(table.bytes, 0)
    }

    @Test func aCopyIsIndependent() {
        var table = ActionTable(capacity: 4, seed: 1)
        table[Self.id(1)] = Self.tracked(1)
        let copy = table
        table[Self.id(1)]?.wasAsked = true
        #expect(copy[Self.id(1)]?.wasAsked == false && table[Self.id(1)]?.wasAsked == true)
    }
}
