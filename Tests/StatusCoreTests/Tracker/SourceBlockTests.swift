import TestSupport
import Testing

@testable import StatusCore

/// Operators read of each block when it begins and when it ends.
@Suite struct SourceBlockTests {
    private static let id = "aa_1"

    private enum Line: Equatable {
        case begins(SourceBlock.Kind)
        case ends(SourceBlock.Kind)
    }

    private func lines(_ driver: TrackerDriver) -> [Line] {
        driver.notes.compactMap { note in
            switch note {
            case .blocked(.vouchers, let block, true): .begins(block.kind)
            case .unblocked(.vouchers, let block): .ends(block.kind)
            default: nil
            }
        }
    }

    @Test func pauseEndsWithoutRequests() {
        var driver = TrackerDriver()
        driver.ask(Self.id)
        driver.fail(.throttled, http: 429, hints: RateHints(retryAfter: .seconds(60)))
        driver.advance(.seconds(60) + SourceBlocks.goneLeast - .milliseconds(1))
        expectEqual(lines(driver), [.begins(.pause)])
        driver.advance(.milliseconds(2))
        expectEqual(lines(driver), [.begins(.pause), .ends(.pause)])
    }

    @Test func prolongedPauseIsOneBlock() {
        var driver = TrackerDriver()
        driver.ask(Self.id)
        driver.fail(.throttled, http: 429, hints: RateHints(retryAfter: .seconds(60)))
        driver.ask("aa_2")
        driver.advance(.seconds(60))
        driver.ask("aa_3")
        // The call that shows whether the upstream still throttles takes its time.
        driver.advance(.seconds(9))
        expectEqual(driver.calls.count, 1)
        driver.fail(.throttled, http: 429, hints: RateHints(retryAfter: .seconds(60)))
        driver.advance(.seconds(61))
        expectEqual(lines(driver), [.begins(.pause)])
        driver.answer(.pending)
        driver.advance(.seconds(5))
        expectEqual(lines(driver), [.begins(.pause), .ends(.pause)])
    }

    @Test func repeatedlySpentBudgetIsOneBlock() {
        var driver = TrackerDriver()
        for number in 0..<20 { driver.learn("aa_\(number)") }
        driver.store.grantSpacing = .seconds(2)
        driver.advance(.seconds(31))
        for _ in 0..<20 {
            for number in 0..<20 { driver.ask("aa_\(number)") }
            driver.advance(.seconds(1))
        }
        expectEqual(lines(driver), [.begins(.budget(.minute))])
        driver.store.grantSpacing = nil
        driver.advance(.seconds(60))
        expectEqual(lines(driver), [.begins(.budget(.minute)), .ends(.budget(.minute))])
    }

    @Test func breakerBlockEndsWithASuccessfulCall() {
        var driver = TrackerDriver(.both(orders: nil))
        for number in 1...5 {
            driver.ask("aa_bad\(number)")
            driver.fail(.connectFailed)
        }
        driver.advance(.seconds(2))
        driver.ask("aa_6")
        driver.fail(.connectFailed)
        driver.advance(.seconds(100))
        expectEqual(lines(driver), [.begins(.breaker)])
        driver.ask("aa_7")
        driver.answer(.pending)
        expectEqual(lines(driver), [.begins(.breaker), .ends(.breaker)])
    }

    @Test func credentialBlockEndsWithTheNextAnswer() {
        var driver = TrackerDriver()
        for number in 1...3 {
            driver.ask("aa_\(number)")
            driver.fail(.unauthorized, http: 401)
        }
        expectEqual(lines(driver), [.begins(.credential)])
        driver.ask("aa_4")
        driver.fail(.timedOut)
        expectEqual(lines(driver), [.begins(.credential)])
        driver.ask("aa_5")
        driver.fail(.notFound, http: 404)
        expectEqual(lines(driver), [.begins(.credential), .ends(.credential)])
    }

    @Test func credentialBlockEndsWithANewToken() {
        var driver = TrackerDriver()
        driver.credentialFault = UpstreamFault(kind: .tokenRefused, httpStatus: 401)
        driver.credentialRetry = .seconds(2)
        driver.ask(Self.id)
        driver.advance(.seconds(20))
        driver.ask("aa_2")
        expectEqual(lines(driver), [.begins(.credential)])
        driver.advance(.seconds(20))
        driver.credentialFault = nil
        driver.advance(.seconds(3))
        driver.ask("aa_3")
        expectEqual(lines(driver), [.begins(.credential), .ends(.credential)])
    }

    @Test func callNamesTheRequestThatCausedIt() {
        var driver = TrackerDriver()
        driver.step(.asked(CallerID(900), Question(id: .of(Self.id), cause: "r-1")))
        driver.step(.asked(CallerID(901), Question(id: .of(Self.id), cause: "r-2")))
        driver.answer(.pending)
        let causes = driver.notes.compactMap { note -> String? in
            if case .called(_, _, _, _, _, let cause) = note { cause } else { nil }
        }
        expectEqual(causes, ["r-1"])
    }
}
