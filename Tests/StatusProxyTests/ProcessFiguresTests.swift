// The kernel's figures of this process.

import Glibc
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct ProcessFiguresTests {
    @Test func figuresAreThoseOfARunningProcess() throws {
        let figures = ProcessFigures.now()
        #expect(figures.cpu > .zero)
        let virtual = try #require(figures.virtualBytes)
        let resident = try #require(figures.residentBytes)
        #expect(resident > 1 << 20)
        #expect(virtual > resident)
        #expect(try #require(figures.openDescriptors) >= 3)
        expectEqual(figures.descriptorsMax, DescriptorLimit.current())
        let startedAt = try #require(figures.startedAt)
        // The boot time has whole seconds.
        #expect(startedAt <= Double(SystemClock.wall().milliseconds) / 1000 + 1)
        #expect(startedAt > Double(SystemClock.wall().milliseconds) / 1000 - 86_400)
    }

    @Test func timeOfTheProcessorOnlyGrows() {
        let before = ProcessFigures.now().cpu
        var sum: UInt64 = 0
        while ProcessFigures.now().cpu == before { sum &+= UInt64.random(in: 0...1) }
        #expect(ProcessFigures.now().cpu > before)
        withExtendedLifetime(sum) {}
    }
}
