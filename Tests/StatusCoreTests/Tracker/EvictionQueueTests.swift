import TestSupport
import Testing

@testable import StatusCore

@Suite struct EvictionQueueTests {
    @Test func onlySurplusActionsAreRemovedOldestFirst() {
        var queue = EvictionQueue()
        for place: ActionTable.Place in [7, 8, 9] { queue.insert(place) }
        expectEqual(queue.popSurplus(overActions: 2, isOverBytes: false), 7)
        #expect(queue.popSurplus(overActions: 2, isOverBytes: false) == nil)
        queue.insert(7)
        expectEqual(queue.popSurplus(overActions: 0, isOverBytes: false), 8)
        expectEqual(Array(queue.places), [9, 7])
    }

    @Test func bytesAreASeparateBound() {
        var queue = EvictionQueue()
        queue.insert(3)
        expectEqual(queue.popSurplus(overActions: 9, isOverBytes: true), 3)
        #expect(queue.popSurplus(overActions: 9, isOverBytes: true) == nil)
    }
}
