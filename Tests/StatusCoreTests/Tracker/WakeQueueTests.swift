import Testing

@testable import StatusCore

@Suite struct WakeQueueTests {
    @Test func wakesForActionsThatAreGoneAreDropped() {
        var queue = WakeQueue()
        for number in 0..<2_000 {
            let at = Instant(nanoseconds: Int64(number))
            queue.insert(.action(.of("aa_\(number)")), at: at)
        }
        queue.insert(.store, at: Instant(nanoseconds: 1))
        queue.dropUntracked { $0 == .of("aa_1999") }
        #expect(queue.popDue(.distantFuture) == .store)
        #expect(queue.popDue(.distantFuture) == .action(.of("aa_1999")))
        #expect(queue.popDue(.distantFuture) == nil)
    }
}
