import TestSupport
import Testing

@testable import StatusCore

/// A UUID in several spellings is one action (RFC 9562, 4).
@Suite struct SpellingTests {
    private let lower = Shape.order
    private let upper = Shape.order.uppercased()

    @Test func allSpellingsShareOneEntryAndOneGate() {
        var driver = TrackerDriver()
        driver.learn(upper)
        #expect(driver.reply(to: lower).answer != nil)
        #expect(driver.reply(to: lower, source: .orders).answer != nil)
        #expect(driver.explanation(of: lower)?.sources.first?.answer != nil)
        driver.advance(.seconds(61))
        driver.ask(lower)
        expectEqual(driver.callsMade.map(\.id.text), [upper, upper], "as it was first asked for")
    }

    @Test func callersOfBothSpellingsAreHeldForOneCall() {
        var driver = TrackerDriver()
        let callers = [driver.ask(lower), driver.ask(upper)]
        expectEqual(driver.calls.count, 1)
        driver.answer(by: .orders)
        #expect(callers.allSatisfy { driver.replies[$0].answer != nil })
    }

    @Test func theFirstSpellingOutlivesARestart() {
        var driver = TrackerDriver()
        driver.learn(upper)
        driver.restart()
        driver.advance(.seconds(61))
        driver.ask(lower)
        expectEqual(driver.callsMade.map(\.id.text), [upper, upper])
    }

    @Test func aPeersSpellingIsTakenOver() {
        var driver = TrackerDriver()
        let key = EntryKey(.orders, .of(upper))
        driver.store.rows[key] = PaperStore.Row(
            opens: driver.now + .seconds(5), firstSeen: driver.now)
        driver.ask(lower)
        driver.advance(.seconds(6))
        driver.ask(lower)
        expectEqual(driver.callsMade.map(\.id.text), [upper])
    }

    /// A peer has asked another source for an action that is finished and not looked up again here.
    @Test func aSlotBringsTheSpellingOfAPeersCall() {
        var driver = TrackerDriver()
        driver.learn(upper, .succeeded)
        let key = EntryKey(.vouchers, .of(lower))
        driver.store.rows[key] = PaperStore.Row(opens: driver.now, firstSeen: driver.now)
        driver.ask(upper, source: .vouchers)
        expectEqual(driver.callsMade.map(\.id.text), [upper, lower])
    }
}
