import Testing

@testable import StatusCore

@Suite struct EvictionQueueTests {
    @Test func onlyWhatIsBeyondTheBoundIsTakenOutOldestFirst() {
        var queue = EvictionQueue()
        for id in ["a", "b", "c"] { queue.insert(.of(id)) }
        #expect(queue.popSurplus(overActions: 2, bytes: 0) == .of("a"))
        #expect(queue.popSurplus(overActions: 2, bytes: 0) == nil)
        queue.insert(.of("a"))
        #expect(queue.popSurplus(overActions: 0, bytes: 0) == .of("b"))
        #expect(Array(queue.ids) == [.of("c"), .of("a")])
    }

    @Test func bytesAreABoundOfTheirOwn() {
        var queue = EvictionQueue()
        for id in ["a", "b"] {
            queue.insert(.of(id))
            queue.setBytes(10, of: .of(id))
        }
        queue.setBytes(30, of: .of("b"))
        #expect(queue.bytes == 40)
        #expect(queue.popSurplus(overActions: 9, bytes: 40) == nil)
        #expect(queue.popSurplus(overActions: 9, bytes: 39) == .of("a"))
        queue.setBytes(0, of: .of("a"))
        queue.setBytes(0, of: .of("c"))
        #expect(queue.bytes == 30)
    }
}
