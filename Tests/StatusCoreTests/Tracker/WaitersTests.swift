// Compares held requests with a plain list of them, in random order.

import TestSupport
import Testing

@testable import StatusCore

struct WaitersTests {
    private static func instant(_ seconds: UInt64) -> Instant {
        Instant(nanoseconds: Int64(seconds) * 1_000_000_000)
    }

    private static func caller(_ number: UInt64, _ random: inout SplitMix64) -> Caller {
        let patience: Question.Patience =
            random.next() % 2 == 0 ? .none : .done(deadline: instant(random.next() % 100))
        let source = [nil, .orders, .vouchers][Int(random.next() % 3)] as Source?
        return Caller(
            id: CallerID(number),
            question: Question(id: .of("a"), source: source, patience: patience),
            askedAt: instant(0), heldUntil: instant(random.next() % 100))
    }

    private func expectSame(_ waiters: inout Waiters, _ list: [Caller]) {
        expectEqual(waiters.count, list.count)
        expectEqual(waiters.isEmpty, list.isEmpty)
        expectEqual(waiters.nextDeadline, list.map(\.heldUntil).min())
        expectEqual(waiters.arePatient, list.contains { $0.isPatient })
        expectEqual(waiters.haveNamedNone, list.contains { $0.question.source == nil })
        for source in Source.both {
            expectEqual(waiters.haveNamed(source), list.contains { $0.question.source == source })
            expectEqual(
                waiters.arePatient(at: source),
                list.contains { $0.isPatient && $0.question.source ?? source == source })
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func waitersBehaveLikeAPlainList(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var waiters = Waiters()
        var list: [Caller] = []
        var now: UInt64 = 0
        for number in 0..<400 as Range<UInt64> {
            switch list.isEmpty ? 0 : random.next() % 8 {
            case 0..<4:
                let newcomer = Self.caller(number, &random)
                waiters.insert(newcomer)
                list.append(newcomer)
            case 4, 5:
                let gone = list.remove(at: Int(random.next() % UInt64(list.count)))
                waiters.remove(gone.id)
                waiters.remove(gone.id)
            case 6:
                let index = Int(random.next() % UInt64(list.count))
                list[index].heldUntil = Self.instant(random.next() % 100)
                waiters.update(list[index])
            default:
                now = min(100, now + random.next() % 3)
                let due = waiters.takeDue(Self.instant(now), atMost: 1000)
                let ids = Set(due.map(\.id))
                expectEqual(ids.count, due.count)
                expectEqual(
                    ids, Set(list.filter { $0.heldUntil <= Self.instant(now) }.map(\.id)))
                for caller in due {
                    waiters.remove(caller.id)
                    list.removeAll { $0.id == caller.id }
                }
            }
            expectSame(&waiters, list)
        }
        waiters.beginRound()
        expectEqual(waiters.nextSlice(atMost: 1000).map(\.id), list.map(\.id))
        #expect(!waiters.isRoundUnderWay)
        expectEqual(waiters.removeAll().map(\.id), list.map(\.id))
        #expect(waiters.isEmpty)
    }

    @Test func aRoundContinuesDespiteArrivalsAndDepartures() {
        var random = SplitMix64(seed: 1)
        var waiters = Waiters()
        for number in 0..<300 as Range<UInt64> { waiters.insert(Self.caller(number, &random)) }
        waiters.beginRound()
        var seen = waiters.nextSlice(atMost: 100).map(\.id.number)
        // Most of those seen leave, so that the gaps are closed, and one that was not seen.
        for number in seen where number != 50 { waiters.remove(CallerID(number)) }
        waiters.remove(CallerID(100))
        waiters.insert(Self.caller(900, &random))
        while waiters.isRoundUnderWay { seen += waiters.nextSlice(atMost: 90).map(\.id.number) }
        expectEqual(seen, Array(0..<100) + Array(101..<300) + [900])
    }

    @Test func aChangeDuringARoundCausesAnotherOne() {
        var random = SplitMix64(seed: 1)
        var waiters = Waiters()
        for number in 0..<30 as Range<UInt64> { waiters.insert(Self.caller(number, &random)) }
        waiters.beginRound()
        waiters.beginRound()
        var seen = waiters.nextSlice(atMost: 20).count
        waiters.beginRound()
        while waiters.isRoundUnderWay { seen += waiters.nextSlice(atMost: 20).count }
        expectEqual(seen, 60)
        #expect(waiters.nextSlice(atMost: 20).isEmpty)
    }
}
