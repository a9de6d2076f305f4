import TestSupport
import Testing

@testable import StatusCore

@Suite struct CredentialTests {
    private let id = Shape.voucher
    private let fault = UpstreamFault(
        kind: .tokenUnavailable, httpStatus: 429, message: "the token endpoint answered 429")

    private func withoutToken(for span: Duration) -> TrackerDriver {
        var driver = TrackerDriver(.both(orders: nil))
        driver.credentialFault = fault
        driver.credentialRetry = span
        return driver
    }

    @Test func callersGetTheTimeOfTheNextTokenFetch() {
        var driver = withoutToken(for: .seconds(300))
        let end = driver.now + .seconds(300)
        expectEqual(driver.reply(to: id).problem?.retryAt, end)
        driver.advance(.seconds(120))
        let problem = driver.reply(to: "aa_other").problem
        expectEqual(problem?.retryAt, end)
        expectEqual(problem?.sources.map(\.message), ["the token endpoint answered 429"])
        driver.credentialFault = nil
        driver.advance(.seconds(180))
        driver.ask("aa_other")
        #expect(driver.calls.contains { $0.key.id == .of("aa_other") })
    }

    @Test func theSlotCountsIfItOpensLater() {
        var driver = TrackerDriver(.both(orders: nil))
        driver.ask(id)
        driver.fail(.serverError)
        let slot = driver.now + .milliseconds(30_100)
        driver.credentialFault = fault
        driver.credentialRetry = .seconds(7)
        expectEqual(driver.reply(to: "aa_other").problem?.retryAt, driver.now + .seconds(7))
        expectEqual(driver.reply(to: id).problem?.retryAt, slot)
    }

    @Test func aNewCredentialIsTriedAtOnce() {
        var driver = withoutToken(for: .seconds(300))
        driver.ask(id)
        driver.credentialFault = nil
        driver.step(.credentialReplaced(.vouchers))
        expectEqual(driver.calls.count, 1)
    }

    @Test func aFailedFetchIsNotedOnceForAllFlights() {
        var driver = withoutToken(for: .seconds(300))
        driver.heldBack = [.prepare]
        for number in 1...9 { driver.ask("aa_\(number)") }
        driver.release()
        let until = driver.now + .seconds(300)
        let block = SourceBlock(.credential, fault: fault, until: until)
        let new = driver.notes.filter {
            if case .blocked(_, _, true) = $0 { true } else { false }
        }
        expectEqual(new, [.blocked(.vouchers, block, isNew: true)])
    }

    @Test func theReasonIsExplained() {
        var driver = withoutToken(for: .seconds(300))
        driver.ask(id)
        let reason = driver.explanation(of: id)?.sources.first?.whyNotFresher
        expectEqual(reason?.word, "token-unavailable")
        expectEqual(reason?.detail, "the token endpoint answered 429")
    }
}
