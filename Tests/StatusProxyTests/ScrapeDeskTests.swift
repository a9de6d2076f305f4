// Scrapes: any number of them costs one text per second, and none gets an old one.

import Locking
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

@Suite(.blocking)
struct ScrapeDeskTests {
    private let made = Guarded(0)
    private let served = Guarded<[Int]>([])

    private func desk() -> ScrapeDesk {
        ScrapeDesk { [made] in
            let number = made.withLock { made in
                made += 1
                return made
            }
            return [UInt8](repeating: 0, count: number)
        }
    }

    private func ask(_ desk: ScrapeDesk) {
        desk.ask { [served] text in served.withLock { $0.append(text.count) } }
    }

    @Test func aThousandScrapesShareATextASecond() throws {
        let desk = desk()
        let began = ContinuousClock.now
        for _ in 0..<1000 { ask(desk) }
        #expect(eventually { served.withLock { $0.count } == 1000 })
        let seconds = Int((ContinuousClock.now - began) / .seconds(1))
        #expect(made.withLock { $0 } <= seconds + 2)
    }

    @Test func aScrapeGetsATextThatWasBegunAfterItCame() throws {
        let desk = desk()
        for round in 1...3 {
            let before = made.withLock { $0 }
            ask(desk)
            #expect(eventually { served.withLock { $0.count } == round })
            #expect(served.withLock { $0.last } ?? 0 > before)
        }
    }
}
