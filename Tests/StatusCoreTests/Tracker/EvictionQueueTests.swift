import Testing

@testable import StatusCore

@Suite struct EvictionQueueTests {
    @Test func onlyWhatIsBeyondTheBoundIsTakenOutOldestFirst() {
        var queue = EvictionQueue()
        for id in ["a", "b", "c"] { queue.insert(.of(id)) }
        #expect(queue.popSurplus(over: 2) == .of("a"))
        #expect(queue.popSurplus(over: 2) == nil)
        queue.insert(.of("a"))
        #expect(queue.popSurplus(over: 0) == .of("b"))
        #expect(Array(queue.ids) == [.of("c"), .of("a")])
    }
}
