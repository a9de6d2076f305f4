import TestSupport
import Testing

@testable import StatusAPI

@Suite struct TraceParentTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let field = "00-\(trace)-00f067aa0ba902b7-01"

    @Test(arguments: [
        field, "00-\(trace)-00f067aa0ba902b7-00", "01-\(trace)-00f067aa0ba902b7-01",
        "cc-\(trace)-00f067aa0ba902b7-01-what-comes",
    ])
    func traceIsContinuedWithANewSpan(text: String) throws {
        let parent = try #require(TraceParent(text))
        expectEqual(parent.traceID, Self.trace)
        let flags = text.dropFirst(53).prefix(2)
        expectEqual(parent.continued(by: 0xAB), "00-\(Self.trace)-00000000000000ab-\(flags)")
        #expect(TraceParent(parent.continued(by: 0)) != nil)
        #expect(TraceParent(parent.continued(by: .max)) != nil)
    }

    @Test(arguments: [
        "", "00", String(field.dropLast()), field + "0", field + "-x", field.uppercased(),
        "ff-\(trace)-00f067aa0ba902b7-01", "00-\(trace)-0000000000000000-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00_\(trace)-00f067aa0ba902b7-01", "0x-\(trace)-00f067aa0ba902b7-01",
        "01-\(trace)-00f067aa0ba902b7-01.x", "00-\(trace)-00f067aa0ba902b7-0g",
    ])
    func invalidTraceIsIgnored(text: String) {
        #expect(TraceParent(text) == nil)
    }
}
