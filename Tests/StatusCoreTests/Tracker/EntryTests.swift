import TestSupport
import Testing

@testable import StatusCore

@Suite struct EntryTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private func entry() -> Entry { Entry(spelling: .of("aa_1"), firstSeenAt: Self.start) }

    private func report(_ outcome: CallOutcome, at seconds: Int) -> CallReport {
        CallReport(
            outcome: outcome, hints: .none, sentAt: nil, endedAt: Self.start + .seconds(seconds),
            checkedAt: WallTime(milliseconds: 0))
    }

    private func answered(_ status: ActionStatus, at seconds: Int) -> CallReport {
        report(.answered(.of(status)), at: seconds)
    }

    private func failed(_ kind: UpstreamFault.Kind, at seconds: Int) -> CallReport {
        let fault = UpstreamFault(kind: kind)
        return report(kind == .notFound ? .notFound(fault) : .failed(fault), at: seconds)
    }

    /// The first state, the second one, and the one that stays.
    @Test(arguments: [
        (ActionStatus.pending, 1, ActionStatus.inProgress, 2, ActionStatus.inProgress),
        (.inProgress, 2, .pending, 1, .inProgress), (.succeeded, 1, .pending, 2, .succeeded),
        (.pending, 2, .succeeded, 1, .succeeded),
    ])
    func theNewerStateWinsAndAFinalOneAlways(
        _ first: ActionStatus, _ at: Int, _ second: ActionStatus, _ then: Int,
        _ stands: ActionStatus
    ) {
        var entry = entry()
        entry.take(answered(first, at: at))
        entry.take(answered(second, at: then))
        expectEqual(entry.observed?.document.status, stands)
    }

    @Test func negativeResultsOfOneSortAreCounted() {
        var entry = entry()
        let kinds: [UpstreamFault.Kind] = [
            .notFound, .notFound, .timedOut, .serverError, .notFound,
        ]
        let repeats = kinds.enumerated().map { second, kind in
            entry.take(failed(kind, at: second))
            return entry.negative?.repeats
        }
        expectEqual(repeats, [1, 2, 1, 2, 1])
        expectEqual(entry.notFoundSince, Self.start)
        entry.take(answered(.pending, at: 9))
        #expect(entry.negative == nil && entry.notFoundSince == nil && entry.isKnown)
    }

    @Test func anUnusedSlotChangesNothing() {
        var entry = entry()
        entry.take(failed(.slotExpired, at: 1))
        #expect(entry.negative == nil && !entry.isTried)
    }

    @Test func aFinishedActionIsNeverDueAndAWatchedOneWhenItsGateOpens() {
        var entry = entry()
        expectEqual(entry.dueAt(watched: false, .vouchers), .distantPast)
        entry.take(answered(.pending, at: 1000))
        expectEqual(entry.dueAt(watched: false, .vouchers), Self.start + .seconds(1100))
        entry.opensAt = Self.start + .seconds(1030)
        expectEqual(entry.dueAt(watched: true, .vouchers), Self.start + .seconds(1030))
        entry.take(answered(.succeeded, at: 1030))
        expectEqual(entry.dueAt(watched: true, .vouchers), .distantFuture)
    }
}
