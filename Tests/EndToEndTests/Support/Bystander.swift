// The measure of "at full speed": what a program whose store is well serves at the same moment, on the
// same machine, to as large a crowd.

import Testing

/// A program with a store of its own, to which nothing happens. A busy machine slows it as it slows the
/// others, so that the counts of two crowds can be compared on any machine.
final class Bystander {
    private let world: World
    private let path: String

    /// For the programs that are compared with it, where the store is slow: a caller may be held for a
    /// refresh that far. What is left is waiting that there should not be.
    static let briefRefresh = ["REFRESH_WAIT": "50ms"]

    private static let callers = 4
    /// From one request of a caller to its next, at least: a caller who waits for 0.4 s in each gets a
    /// twentieth of the answers that a machine at leisure gives.
    private static let pace = Duration.milliseconds(20)

    init(_ path: String) async throws {
        world = try await World()
        self.path = path
        #expect(try world.get(path).status == 200)
    }

    /// Polls the programs at `ports` as well as this one, for longer than an interval: what is asked for
    /// would be due. Each has to give a quarter as many answers at least, and nothing but answers.
    func expectFullSpeed(
        of ports: [Int], for span: Duration = .seconds(3),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let (port, path) = (world.port, path)
        async let measure = Self.poll(port, path, for: span)
        let crowds = await withTaskGroup(of: Crowd.self) { group in
            for port in ports { group.addTask { await Self.poll(port, path, for: span) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let usual = await measure.requests
        #expect(usual >= Self.callers, sourceLocation: sourceLocation)
        for crowd in crowds {
            #expect(crowd.failures == 0, sourceLocation: sourceLocation)
            #expect(
                Set(crowd.statuses.keys) == [200], "\(crowd.statuses)",
                sourceLocation: sourceLocation)
            #expect(
                crowd.requests * 4 >= usual, "\(crowd.requests) of \(usual), \(crowd.slowest)",
                sourceLocation: sourceLocation)
        }
    }

    private static func poll(_ port: Int, _ path: String, for span: Duration) async -> Crowd {
        await Pollers.poll(port: port, path, callers: callers, every: pace, for: span)
    }
}
