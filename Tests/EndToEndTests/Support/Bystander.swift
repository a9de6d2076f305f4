// A measure of "at full speed": how many answers a program with a healthy store gives at the same time,
// on the same machine, to an equal crowd.

import TestSupport
import Testing

/// A program with its own store, which has no fault. A busy machine slows it as much as the others, so
/// the counts of two crowds can be compared on any machine.
final class Bystander {
    private let world: World
    private let path: String

    /// For the compared programs, where the store is slow: a caller may be held that long for a
    /// refresh. Any other waiting is an error.
    static let briefRefresh = ["REFRESH_WAIT": "50ms"]

    private static let callers = 4
    /// The shortest time between two requests of a caller: a caller that waits for 0.4 s in each gets a
    /// twentieth of the answers that an idle machine gives.
    private static let pace = Duration.milliseconds(20)

    init(_ path: String) async throws {
        world = try await World()
        self.path = path
        try expectEqual(world.get(path).status, 200)
    }

    /// Polls the programs at `ports` and this one for longer than an interval, so that requested ids
    /// become due. Each must give at least a quarter as many answers, and no failures.
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
