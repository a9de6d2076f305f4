// The figures for operators: sources, and how actions ended.

import TestSupport
import Testing

@testable import StatusCore

struct FiguresTests {
    private let id = "aa_1"

    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    private func figures(_ driver: inout TrackerDriver) throws -> UpstreamFigures {
        try #require(driver.tracker.upstreamFigures().first)
    }

    @Test func anActionIsCountedOnceWhenItIsFoundDone() throws {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        driver.ask(id)
        driver.answer(.succeeded)
        let key = EntryKey(.vouchers, .of(id))
        driver.advance(.seconds(3600))
        driver.ask(id)
        let finished = driver.notes.filter { if case .finished = $0 { true } else { false } }
        expectEqual(finished, [.finished(key, .succeeded, nil)])
    }

    @Test(arguments: [(Duration.seconds(30), false), (.milliseconds(29_999), true)])
    func anEarlyCallIsAViolation(gap: Duration, isViolation: Bool) {
        var driver = vouchersOnly()
        driver.store.gap = gap
        driver.learn(id, .pending)
        expectEqual(driver.notes.contains(.violated(.vouchers, gap: gap)), isViolation)
    }

    @Test func oldestUnfinishedActionIsTheFirstCreatedOne() throws {
        var driver = vouchersOnly()
        #expect(try figures(&driver).unfinishedSince == nil)
        let began = driver.now
        driver.learn("aa_1", .pending, createdAgo: .seconds(100))
        driver.learn("aa_2", .inProgress, createdAgo: .seconds(500))
        driver.learn("aa_3", .failed, createdAgo: .seconds(900))
        try expectEqual(figures(&driver).unfinishedSince, began - .seconds(500))
        driver.advance(.seconds(50))
        driver.ask("aa_2")
        driver.answer(.succeeded)
        try expectEqual(figures(&driver).unfinishedSince, began - .seconds(100))
        driver.advance(.seconds(31))
        driver.ask("aa_1")
        driver.answer(.succeeded)
        #expect(try figures(&driver).unfinishedSince == nil)
    }

    @Test func listOfUnfinishedActionsIsBounded() {
        var unfinished = UnfinishedActions([.vouchers])
        for number in 0..<5000 {
            let item = UnfinishedActions.Item(
                since: Instant(nanoseconds: Int64(number)), id: .of("aa_\(number % 3)"))
            unfinished.insert(item, .vouchers) { $0 != .of("aa_0") }
        }
        let oldest = unfinished.oldest(.vouchers) { $0 != .of("aa_0") }
        #expect(oldest != nil && oldest != Instant(nanoseconds: 0))
        #expect(unfinished.count(.vouchers) <= 2048)
    }

    @Test func conditionIsTheSourcesBlock() throws {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.throttled, http: 429, hints: RateHints(retryAfter: .seconds(40)))
        var figures = try figures(&driver)
        expectEqual(figures.pausedUntil, driver.now + .seconds(40))
        expectEqual(SourceCondition(figures.reason(at: driver.now)), .paused)
        expectEqual(SourceCondition(figures.reason(at: driver.now + .seconds(40))), .ok)
        driver.advance(.seconds(60))
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(50), .minute)]
        driver.ask("aa_2")
        figures = try self.figures(&driver)
        expectEqual(SourceCondition(figures.reason(at: driver.now)), .budgetSpent)
    }

    @Test func everyBlockReasonIsACondition() {
        let fault = UpstreamFault(kind: .tokenRefused)
        for (reason, condition) in [
            (nil, .ok), (.gate, .ok), (.draining, .ok), (.paused, .paused),
            (.upstreamLimit, .paused), (.breakerOpen, .breakerOpen),
            (.budget(.dayUnknown), .budgetSpent), (.ourSide(fault), .ourSide), (.store, .store),
            (.quarantine, .store),
        ] as [(BlockReason?, SourceCondition)] {
            expectEqual(SourceCondition(reason), condition)
            if let reason { #expect(BlockReason.words.contains(reason.word), "\(reason)") }
        }
    }
}
