import HTTPWire
import TestSupport
import Testing

@testable import StatusAPI
@testable import StatusCore

@Suite struct FollowedActionsTests {
    private static let one = ["aa_0adad13d6f057f088e"]
    private static let clocks = Fixtures.clocks
    private static let now = Fixtures.now

    private static func later(_ span: Duration) -> Clocks {
        Clocks(instant: now + span, wall: Fixtures.wall + span)
    }

    private static func down(retryAt: Instant = now + .seconds(30)) -> Problem {
        Problem(
            code: .upstreamError, retryAt: retryAt,
            sources: [.init(source: .vouchers, outcome: "server-error", httpStatus: 500)])
    }

    private static func text(_ event: StreamEvent?, insteadOf unsent: String? = nil) -> String? {
        let unsent = unsent.map { Content(Array($0.utf8)) }
        return event.map { String(decoding: $0.content(insteadOf: unsent).bytes, as: UTF8.self) }
    }

    private static func tag(_ answer: Answer) -> String { EntityTag(answer.document).opaque }

    private func point(_ text: String) throws -> ResumePoint {
        let point = ResumePoint(Array(text.utf8).span)
        return try #require(point)
    }

    // MARK: States

    @Test func firstStateIsAnEventAndPartOfTheNextQuestion() throws {
        var followed = FollowedActions(ids: Self.one)
        let answer = try Fixtures.running()
        let step = followed.take(.answer(answer), at: 0, clocks: Self.clocks)
        let event = try #require(Self.text(step.event))
        #expect(event.hasPrefix("id: \(Self.tag(answer))\nevent: status\ndata: {\"id\":"))
        guard case .ask(let question) = step.next else { return #expect(Bool(false)) }
        expectEqual(
            question.patience,
            .update(
                from: answer.document.tag, nil, deadline: Self.now + .seconds(3600)))
        expectEqual(question.place, 0)
        #expect(!followed.isEnded)
    }

    @Test func sameStateIsNoEventAndTheLastOneEnds() throws {
        var followed = FollowedActions(ids: Self.one)
        _ = followed.take(.answer(try Fixtures.running()), at: 0, clocks: Self.clocks)
        let same = followed.take(.answer(try Fixtures.running()), at: 0, clocks: Self.clocks)
        #expect(same.event == nil)
        let last = followed.take(.answer(try Fixtures.finished()), at: 0, clocks: Self.clocks)
        expectEqual(Self.text(last.event)?.contains("\"done\":true"), true)
        #expect(followed.isEnded)
    }

    @Test func changeOfFreshnessIsASeparateEvent() throws {
        var followed = FollowedActions(ids: Self.one)
        _ = followed.take(.answer(try Fixtures.running()), at: 0, clocks: Self.clocks)
        let stale = followed.take(.answer(try Fixtures.stale()), at: 0, clocks: Self.clocks)
        let event = try #require(Self.text(stale.event))
        #expect(event.hasPrefix("event: freshness\ndata: {\"id\":\"\(Self.one[0])\","))
        #expect(event.contains("\"retry_after\":30,"))
        #expect(event.contains("\"stale\":true,\"stale_reason\":\"upstream-timeout\"}\n\n"))
        // A client that does not have the state yet gets it from the state's event.
        let whole = try #require(Self.text(stale.event, insteadOf: "older"))
        #expect(whole.contains("event: status\n"))
        #expect(whole.contains("\"stale_reason\":\"upstream-timeout\""))
        let again = followed.take(.answer(try Fixtures.stale()), at: 0, clocks: Self.clocks)
        #expect(again.event == nil)
        let fresh = followed.take(.answer(try Fixtures.running()), at: 0, clocks: Self.clocks)
        expectEqual(Self.text(fresh.event)?.contains("\"stale\":false"), true)
    }

    // MARK: Problems

    @Test func problemRestsUntilACallCanBeMadeAndIsRepeatedSeldom() throws {
        var followed = FollowedActions(ids: Self.one)
        let first = followed.take(.problem(Self.down()), at: 0, clocks: Self.clocks)
        let event = try #require(Self.text(first.event))
        #expect(event.hasPrefix("event: problem\ndata: {\"id\":\"\(Self.one[0])\",\"problem\":{"))
        #expect(event.contains("\"retry_after\":30"))
        expectEqual(followed.nextWake, Self.now + .seconds(30))
        #expect(followed.wake(Self.now + .seconds(29)).isEmpty)
        let asked = followed.wake(Self.now + .seconds(30))
        expectEqual(asked.map(\.index), [0])
        expectEqual(asked.first?.question.patience, Question.Patience.none)
        #expect(followed.nextWake == nil)
        let problem = Reply.problem(Self.down(retryAt: Self.now))
        let early = followed.take(problem, at: 0, clocks: Self.later(.seconds(9)))
        #expect(early.event == nil)
        // However soon the action may be requested again.
        expectEqual(followed.nextWake, Self.now + .seconds(10))
        #expect(followed.take(problem, at: 0, clocks: Self.later(.seconds(10))).event != nil)
        let other = Problem(code: .upstreamTimeout, retryAt: Self.now, sources: [])
        #expect(
            followed.take(.problem(other), at: 0, clocks: Self.later(.seconds(11))).event != nil)
    }

    @Test func stateAfterAProblemIsSentAgain() throws {
        var followed = FollowedActions(ids: Self.one)
        let answer = try Fixtures.running()
        _ = followed.take(.answer(answer), at: 0, clocks: Self.clocks)
        _ = followed.take(.problem(Self.down()), at: 0, clocks: Self.clocks)
        let step = followed.take(.answer(answer), at: 0, clocks: Self.clocks)
        expectEqual(Self.text(step.event)?.contains("event: status"), true)
    }

    /// A later event's id may name the state that the problem would replace.
    @Test func problemFollowsTheUnsentState() throws {
        var followed = FollowedActions(ids: Self.one)
        let step = followed.take(.problem(Self.down()), at: 0, clocks: Self.clocks)
        expectEqual(
            Self.text(step.event, insteadOf: "state\n\n")?.hasPrefix("state\n\nevent: "), true)
    }

    @Test func permanentProblemIsFinal() throws {
        var followed = FollowedActions(ids: Self.one)
        let ambiguous = Problem(code: .ambiguous, retryAt: nil, sources: [])
        let step = followed.take(.problem(ambiguous), at: 0, clocks: Self.clocks)
        expectEqual(Self.text(step.event)?.hasPrefix("id: -\nevent: problem\n"), true)
        #expect(followed.isEnded)
        var again = FollowedActions(ids: Self.one, lastSeen: try point("-"))
        #expect(again.take(.problem(ambiguous), at: 0, clocks: Self.clocks).event == nil)
        #expect(again.isEnded)
    }

    // MARK: Many

    @Test func eachIDIsFollowedOnceAndEventsHaveTheResumePointOfAll() throws {
        let ids = ["aa_1", "..", "aa_2", "aa_1", ".."]
        var followed = FollowedActions(ids: ids, source: .vouchers, holder: "shop")
        expectEqual(followed.count, 3)
        expectEqual(followed.questionCount, 2)
        #expect(followed.question(at: 1) == nil)
        expectEqual(followed.question(at: 2)?.place, 2)
        expectEqual(followed.question(at: 2)?.source, .vouchers)
        expectEqual(followed.question(at: 2)?.holder, "shop")
        let tag = Self.tag(try Fixtures.finished())
        let second = followed.take(.answer(try Fixtures.finished()), at: 2, clocks: Self.clocks)
        expectEqual(Self.text(second.event)?.hasPrefix("id: ..\(tag)\n"), true)
        let wrong = followed.refuse(.invalidID, at: 1, now: Self.now)
        expectEqual(Self.text(wrong.event)?.hasPrefix("id: .-.\(tag)\n"), true)
        let first = followed.take(.answer(try Fixtures.running()), at: 0, clocks: Self.clocks)
        expectEqual(Self.text(first.event)?.contains(".-.\(tag)\n"), true)
        #expect(!followed.isEnded)
        _ = followed.take(.answer(try Fixtures.finished()), at: 0, clocks: Self.clocks)
        #expect(followed.isEnded)
    }

    @Test func seenStateIsNotSentAgain() throws {
        let answer = try Fixtures.running()
        let seen = try point("\(Self.tag(answer)).-")
        var followed = FollowedActions(ids: ["aa_1", ".."], lastSeen: seen)
        #expect(followed.refuse(.invalidID, at: 1, now: Self.now).event == nil)
        let step = followed.take(.answer(answer), at: 0, clocks: Self.clocks)
        #expect(step.event == nil)
        guard case .ask = step.next else { return #expect(Bool(false)) }
        // But it is stale by now.
        var stale = FollowedActions(ids: ["aa_1", ".."], lastSeen: seen)
        let event = stale.take(.answer(try Fixtures.stale()), at: 0, clocks: Self.clocks).event
        expectEqual(Self.text(event)?.hasPrefix("event: freshness\n"), true)
    }

    @Test func resumePointOfOtherActionsIsIgnored() throws {
        let answer = try Fixtures.running()
        var followed = FollowedActions(
            ids: ["aa_1", "aa_2"], lastSeen: try point(Self.tag(answer)))
        #expect(followed.take(.answer(answer), at: 0, clocks: Self.clocks).event != nil)
    }

    // MARK: The end

    @Test func lastReplyAndDrainingEndIt() throws {
        var followed = FollowedActions(ids: ["aa_1", "aa_2"])
        _ = followed.take(.problem(Self.down()), at: 0, clocks: Self.clocks)
        let last = followed.take(
            .answer(try Fixtures.running()), at: 1, clocks: Self.clocks, isLast: true)
        #expect(last.event != nil)
        guard case .end = last.next else { return #expect(Bool(false)) }
        #expect(!followed.isEnded)
        followed.drain()
        #expect(followed.isEnded)
        #expect(followed.nextWake == nil)
    }
}
