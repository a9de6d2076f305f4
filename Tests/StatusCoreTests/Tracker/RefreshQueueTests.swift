import TestSupport
import Testing

@testable import StatusCore

/// The order of service of one upstream (invariant 7), without a tracker.
@Suite struct RefreshQueueTests {
    private static let known = RefreshLine(budget: .known)
    private static let single = RefreshLine(budget: .unknown)
    private static let together = RefreshLine(budget: .unknown, isTogether: true)

    private func refresh(
        _ line: RefreshLine, _ number: UInt64, isIdle: Bool = false, triedAt: Int64 = 0
    ) -> DeferredRefresh {
        let rank = RefreshRank(
            isIdle: isIdle, triedAt: Instant(nanoseconds: triedAt), number: number)
        return DeferredRefresh(since: .distantPast, line: line, rank: rank)
    }

    private func queue(_ refreshes: [(String, DeferredRefresh)]) -> RefreshQueue {
        var queue = RefreshQueue()
        for (id, refresh) in refreshes { queue.insert(.of(id), refresh) }
        return queue
    }

    private func start(_ item: RefreshQueue.Item, _ queue: inout RefreshQueue) {
        queue.dropFirst(in: item.line)
        queue.started(from: item.line)
    }

    private func order(_ queue: RefreshQueue, in lines: [RefreshLine] = RefreshLine.all) -> [String]
    {
        var queue = queue
        var order: [String] = []
        while let next = queue.next(in: lines) {
            start(next, &queue)
            queue.ended(from: next.line)
            order.append(next.id.text)
        }
        return order
    }

    @Test func waitingCallersComeFirstThenTheOldestThenWhoCameFirst() {
        let queue = queue([
            ("idle", refresh(Self.known, 1, isIdle: true)),
            ("young", refresh(Self.known, 2, triedAt: 9)),
            ("second", refresh(Self.known, 4, triedAt: 5)),
            ("first", refresh(Self.single, 3, triedAt: 5)),
        ])
        expectEqual(order(queue), ["first", "second", "young", "idle"])
        expectEqual(order(queue, in: [Self.single]), ["first"])
    }

    @Test func singleAndBatchedIDsAlternate() {
        let many = (1...3).map { ("many-\($0)", refresh(Self.together, UInt64($0))) }
        let ones = (4...6).map { ("one-\($0)", refresh(Self.single, UInt64($0))) }
        expectEqual(
            order(queue(many + ones)), ["one-4", "many-1", "one-5", "many-2", "one-6", "many-3"])
    }

    @Test func anOlderKnownActionComesBeforeBoth() {
        let queue = queue([
            ("known", refresh(Self.known, 3, triedAt: 1)),
            ("one", refresh(Self.single, 2, triedAt: 2)),
            ("many", refresh(Self.together, 1, triedAt: 3)),
        ])
        expectEqual(order(queue), ["known", "one", "many"])
    }

    @Test func aWaitingSingleIDComesBeforeIdleBatchedOnes() {
        let queue = queue([
            ("one-1", refresh(Self.single, 1)), ("one-2", refresh(Self.single, 2)),
            ("many", refresh(Self.together, 3, isIdle: true)),
        ])
        expectEqual(order(queue), ["one-1", "one-2", "many"])
    }

    @Test func flightsOfBatchedIDsAreBounded() throws {
        let count = RefreshQueue.togetherMax + 1
        var queue = queue((1...count).map { ("many-\($0)", refresh(Self.together, UInt64($0))) })
        for _ in 1..<count { start(try #require(queue.next(in: RefreshLine.all)), &queue) }
        #expect(queue.next(in: RefreshLine.all) == nil && !queue.isEmpty)
        queue.insert(.of("one"), refresh(Self.single, 99))
        expectEqual(queue.next(in: RefreshLine.all)?.id, .of("one"))
        queue.ended(from: Self.together)
        queue.dropFirst(in: Self.single)
        expectEqual(queue.next(in: RefreshLine.all)?.id, .of("many-\(count)"))
    }
}
