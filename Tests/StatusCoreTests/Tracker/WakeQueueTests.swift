import TestSupport
import Testing

@testable import StatusCore

@Suite struct WakeQueueTests {
    /// None of 20,000 insertions does more than a few steps of the cleaning.
    @Test func wakesForActionsThatAreGoneAreDroppedLittleByLittle() {
        var queue = WakeQueue()
        var questions = 0
        var isTracked: (ActionID) -> Bool {
            return {
                questions += 1
                return $0 == .of("aa_7")
            }
        }
        queue.insert(.store, at: Instant(nanoseconds: 1), isTracked: isTracked)
        for number in 0..<20_000 {
            let before = questions
            let at = Instant(nanoseconds: Int64(number))
            queue.insert(.action(.of("aa_\(number)")), at: at, isTracked: isTracked)
            #expect(questions - before <= 2)
        }
        #expect(queue.count < 2_048)
        let first = [queue.popDue(.distantFuture), queue.popDue(.distantFuture)]
        expectEqual(first, [.store, .action(.of("aa_7"))])
    }

    @Test func wakesAreDueInOrderWhileTheyAreSwept() {
        var queue = WakeQueue()
        let times = (Int64(0)..<3_000).map { $0 * 7_919 % 100_003 }
        for time in times {
            queue.insert(
                .action(.of("aa_\(time)")), at: Instant(nanoseconds: time), isTracked: { _ in true }
            )
        }
        for time in times.sorted() {
            expectEqual(queue.popDue(.distantFuture), .action(.of("aa_\(time)")))
        }
    }
}
