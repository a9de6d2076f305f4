// The order of service in the engine: counted in pieces of work, without a clock.

import TestSupport
import Testing

@testable import StatusCore
@testable import StatusProxy

struct EngineBacklogTests {
    private static let now = Instant(nanoseconds: 1_000_000_000)
    private var backlog = EngineBacklog()
    private var callersMade: UInt64 = 1

    private mutating func ask(_ count: Int, askedAt: Instant = now) throws -> AskedQuestions {
        let questions = try (0..<count).map {
            Question(id: try #require(ActionID("\(callersMade)-\($0)")), place: $0)
        }
        let asked = AskedQuestions(
            first: callersMade, questions, trace: nil, askedAt: askedAt, reply: { _, _ in })
        callersMade += UInt64(count)
        backlog.add(asked)
        return asked
    }

    /// The turn's pieces, up to its end.
    private mutating func turn(lookUps: Int = 0, now: Instant = now) -> [EngineBacklog.Piece] {
        backlog.beginTurn()
        var pieces: [EngineBacklog.Piece] = []
        while let piece = backlog.take(lookUps: lookUps, now: now) { pieces.append(piece) }
        return pieces
    }

    @Test mutating func aSingleRequestIsAskedFirstOfAllBatchesTurns() throws {
        for _ in 0..<64 { _ = try ask(100) }
        let single = try ask(1)
        let asked = turn().compactMap(\.caller)
        #expect(asked.prefix(2).contains(single.caller(0)))
        expectEqual(asked.count, EngineBacklog.Share().questions)
    }

    @Test mutating func batchesTakeTurnsQuestionByQuestion() throws {
        let first = try ask(3)
        let second = try ask(2)
        expectEqual(
            turn().compactMap(\.caller),
            [
                first.caller(0), second.caller(0), first.caller(1), second.caller(1),
                first.caller(2),
            ])
    }

    @Test mutating func singleRequestsDoNotKeepBatchesWaiting() throws {
        for _ in 0..<1000 { _ = try ask(1) }
        let batch = try ask(2)
        let asked = turn().compactMap(\.caller)
        #expect(asked.prefix(4).contains(batch.caller(0)))
        #expect(asked.prefix(4).contains(batch.caller(1)))
    }

    @Test mutating func whatIsReportedGoesFirstAndDoesNotTakeTheWholeTurn() throws {
        for _ in 0..<1000 { backlog.add(report: {}) }
        let single = try ask(1)
        backlog.add(reply: .problem(.overloaded), to: CallerID(7))
        let pieces = turn()
        let reports = EngineBacklog.Share().reports
        #expect(pieces.prefix(reports).allSatisfy { $0.isReport })
        expectEqual(
            pieces.dropFirst(reports).compactMap(\.caller), [single.caller(0), CallerID(7)])
        #expect(backlog.isReady(lookUps: 0, now: Self.now))
    }

    @Test mutating func aCrowdsRepliesAndDeparturesAreTakenInSlices() throws {
        for number in 0..<10_000 {
            backlog.add(reply: .problem(.overloaded), to: CallerID(UInt64(number)))
        }
        backlog.add(departureOf: try ask(100))
        var turns = 0
        while backlog.isReady(lookUps: 0, now: Self.now) {
            #expect(turn().count <= EngineBacklog.Share().replies)
            turns += 1
        }
        expectEqual(turns, 10_000 / EngineBacklog.Share().replies + 1)
    }

    @Test mutating func batchesAndExplanationsWaitWhileTheStoreIsBusy() throws {
        let id = try #require(ActionID("a"))
        let batch = try ask(2)
        backlog.add(explanationOf: id, to: CallerID(700), askedAt: Self.now)
        let single = try ask(1)
        let most = EngineBacklog.lookUpsMax
        expectEqual(turn(lookUps: most).compactMap(\.caller), [single.caller(0)])
        #expect(!backlog.isReady(lookUps: most, now: Self.now))
        #expect(backlog.isReady(lookUps: most - 1, now: Self.now))
        // A slow store does not keep them for longer than that.
        let later = try #require(backlog.patienceEndsAt)
        expectEqual(later, Self.now + EngineBacklog.lookUpPatience)
        #expect(backlog.isReady(lookUps: most, now: later))
        expectEqual(
            turn(lookUps: most, now: later).compactMap(\.caller),
            [batch.caller(0), batch.caller(1), CallerID(700)])
        #expect(backlog.patienceEndsAt == nil)
    }

    @Test mutating func oneOverviewATurnServesAllWhoWaitForIt() throws {
        for _ in 0..<1000 { backlog.add(overviewTo: { _ in }) }
        let single = try ask(1)
        var served: [Int] = []
        while backlog.isReady(lookUps: 0, now: Self.now) {
            let pieces = turn()
            if served.isEmpty { expectEqual(pieces.first?.caller, single.caller(0)) }
            served += pieces.compactMap(\.overviewReplies)
        }
        let most = EngineBacklog.Share().overviews
        expectEqual(served, [most, most, most, 1000 - 3 * most])
    }

    @Test mutating func whoHasGoneIsNotAskedAboutAnyMore() throws {
        let gone = try ask(100)
        let single = try ask(1)
        let stays = try ask(2)
        backlog.beginTurn()
        let first = try #require(backlog.take(lookUps: 0, now: Self.now)?.caller)
        backlog.add(departureOf: gone)
        backlog.add(departureOf: single)
        let rest = turn().compactMap(\.caller)
        // Earlier requests are withdrawn; nothing else is requested.
        expectEqual(Set([first] + rest), [gone.caller(0), stays.caller(0), stays.caller(1)])
        #expect(!backlog.isReady(lookUps: 0, now: Self.now))
    }
}

extension Problem {
    fileprivate static let overloaded = Problem(code: .overloaded, retryAt: nil, sources: [])
}

extension EngineBacklog.Piece {
    fileprivate var isReport: Bool { if case .report = self { true } else { false } }

    fileprivate var overviewReplies: Int? {
        if case .overview(let replies) = self { replies.count } else { nil }
    }

    /// The caller it is for.
    fileprivate var caller: CallerID? {
        switch self {
        case .report, .overview: nil
        case .question(let asked, let index): asked.caller(index)
        case .explanation(let caller, _), .departure(let caller), .reply(let caller, _): caller
        }
    }
}
