// Runs the same random operations on a store and on the memory store under the same clock; the replies
// must be equal.

import StateStores
import StatusCore
import TestSupport
import Testing

@Suite("Every store does what the memory store does", .blocking)
struct StoreModelTests {
    /// Seeds that once failed stay here.
    static let seeds: [UInt64] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

    /// A store that can be closed and opened again, and how its time passes.
    private struct Subject {
        var clock: ManualClock
        var open: () async throws -> any StateStore
        var pass: (Duration) throws -> Void
    }

    @Test(arguments: seeds)
    func fileStoreGivesTheSameReplies(_ seed: UInt64) async throws {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        try await compare(
            seed,
            Subject(
                clock: clock,
                open: { try SQLiteStore(path: folder.store, clock: clock.storeClock) },
                pass: { clock.advance($0) }))
    }

    /// Fewer, since each step is a round trip.
    @Test(arguments: seeds.prefix(5))
    func databaseStoreGivesTheSameReplies(_ seed: UInt64) async throws {
        let database = try TestDatabase()
        try database.takeOverTheClock()
        try await compare(
            seed,
            Subject(
                clock: database.clock, open: { try await database.openConnected() },
                pass: { try database.pass($0) }))
    }

    private func compare(_ seed: UInt64, _ subject: Subject) async throws {
        let clock = subject.clock
        var store = try await subject.open()
        let memory = MemoryStore(clock: { clock.sinceBoot })
        var script = Script(seed: seed)
        for number in 0..<400 {
            let context = "seed \(seed), step \(number)"
            switch script.next() {
            case .pass(let span):
                try subject.pass(span)
            case .reopen:
                await store.close()
                store = try await subject.open()
            case .lookUp(let ids):
                for id in ids {
                    let replies = (try await store.lookUp(id), try await memory.lookUp(id))
                    expectEqual(replies.0, replies.1, "\(context)")
                    expectEqual(
                        replies.0.map(\.key.id.text), replies.1.map(\.key.id.text), "\(context)")
                }
            case .visit(let request):
                let replies = (
                    try await store.lookUp(request.key.id, orReserve: [request]),
                    try await memory.lookUp(request.key.id, orReserve: [request])
                )
                expectEqual(replies.0.records, replies.1.records, "\(context)")
                let slots = (
                    replies.0.reservations[request.key.source],
                    replies.1.reservations[request.key.source]
                )
                expectEqual(slots.0?.budgetLeft, slots.1?.budgetLeft, "\(context)")
                expectEqual(slots.0.map(plain), slots.1.map(plain), "\(context)")
                script.took(request.key, slots.0?.token, slots.1?.token)
            case .purge(let retention):
                let replies = (try await store.purge(retention), try await memory.purge(retention))
                expectEqual(replies.0, replies.1, "\(context)")
            case .reserve(let request):
                let replies = (
                    try await store.reserve(request), try await memory.reserve(request)
                )
                expectEqual(replies.0.budgetLeft, replies.1.budgetLeft, "\(context)")
                expectEqual(plain(replies.0), plain(replies.1), "\(context)")
                script.took(request.key, replies.0.token, replies.1.token)
            case .complete(let call, let make):
                let observation = make(clock.wall)
                func completion(_ token: FencingToken) -> Completion {
                    var completion = observation
                    completion.token = token
                    return completion
                }
                let replies = (
                    try await store.complete(completion(call.store)),
                    try await memory.complete(completion(call.memory))
                )
                expectEqual(replies.0.record, replies.1.record, "\(context)")
                expectEqual(replies.0.gap, replies.1.gap, "\(context)")
                expectEqual(replies.0.smallestGap, replies.1.smallestGap, "\(context)")
            }
        }
        await store.close()
    }

    /// Tokens of two stores differ.
    private func plain(_ reply: ReservationReply) -> ReservationReply.Verdict {
        switch reply.verdict {
        case .granted: .granted(FencingToken(0))
        case .gateShut, .budgetSpent, .paused, .resting, .quarantined: reply.verdict
        }
    }
}

/// A random but repeatable sequence of operations.
private struct Script {
    struct Call {
        var key: EntryKey
        var store: FencingToken
        var memory: FencingToken
    }

    enum Step {
        case pass(Duration)
        case reopen
        case lookUp([ActionID])
        case visit(Reservation)
        case purge(Retention)
        case reserve(Reservation)
        /// The token is filled in for each store.
        case complete(Call, Completing)
    }

    /// The time now, and when kept answers came: parts of an answer that cannot be drawn.
    typealias Completing = (WallTime) -> Completion

    private var random: SeededGenerator
    private var calls: [Call] = []

    init(seed: UInt64) { random = SeededGenerator(state: seed) }

    mutating func took(_ key: EntryKey, _ store: FencingToken?, _ memory: FencingToken?) {
        if let store, let memory { calls.append(Call(key: key, store: store, memory: memory)) }
    }

    mutating func next() -> Step {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<30: .pass(span(upTo: 20))
        case 30..<32: .pass(span(upTo: 40_000))
        case 32..<34: .reopen
        case 34..<42: .lookUp([key().id])
        case 42..<45: .lookUp(Self.ids)
        case 45..<48: .purge(retention())
        case 48..<55: .visit(reservation())
        case 55..<75: .reserve(reservation())
        default: completion()
        }
    }

    private mutating func span(upTo seconds: Int) -> Duration {
        .milliseconds(Int.random(in: 0...(seconds * 1000), using: &random))
    }

    private static let ids =
        (0..<5).map { ActionID.sample("a\($0)") } + [
            .sample("0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1e")
        ]

    private mutating func key() -> EntryKey {
        var id = Self.ids[Int.random(in: 0..<Self.ids.count, using: &random)]
        if id.text.utf8.count == ActionID.uuidBytes, Bool.random(using: &random) {
            id = .sample(id.text.uppercased())
        }
        return EntryKey(Bool.random(using: &random) ? .orders : .vouchers, id)
    }

    private mutating func retention() -> Retention {
        Retention(
            terminalTTL: span(upTo: 90_000), staleMax: span(upTo: 40_000),
            negativeMax: span(upTo: 10_000))
    }

    private mutating func reservation() -> Reservation {
        .of(
            key(), perMinute: Int.random(in: 1...8, using: &random),
            perDay: Bool.random(using: &random) ? Int.random(in: 1...40, using: &random) : nil,
            heedsBreaker: Bool.random(using: &random),
            holder: [nil, "a", "b"].randomElement(using: &random) ?? nil)
    }

    private mutating func completion() -> Step {
        guard let call = calls.randomElement(using: &random) else { return .pass(.zero) }
        let gate: Completion.Gate =
            Int.random(in: 0..<3, using: &random) > 0 ? .opens(in: span(upTo: 40)) : .staysHeld
        let pause = Int.random(in: 0..<10, using: &random) == 0 ? span(upTo: 60) : nil
        let sentAgo = Bool.random(using: &random) ? span(upTo: 5) : nil
        let answeredAgo = Bool.random(using: &random) ? span(upTo: 5) : .zero
        let (breaker, observation) = (breaker(), observation(of: call.key))
        return .complete(call) { wall in
            var completion = Completion.of(
                call.key, call.store, gate, pause: pause, sentAgo: sentAgo,
                observation: observation(wall))
            completion.breaker = breaker
            completion.answeredAgo = answeredAgo
            return completion
        }
    }

    private mutating func breaker() -> BreakerHint? {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: .opened(for: span(upTo: 60))
        case 1: .closed
        default: nil
        }
    }

    private mutating func observation(
        of key: EntryKey
    ) -> (WallTime) -> Completion.Observation {
        let isDone = Int.random(in: 0..<4, using: &random) == 0
        let choice = Int.random(in: 0..<3, using: &random)
        let repeats = Int.random(in: 1..<5, using: &random)
        return { wall in
            switch choice {
            case 0:
                .answer(
                    .sample("\(repeats)", key.source, .pending, isDone: isDone), checkedAt: wall)
            case 1:
                .negative(
                    isDone ? .serverError : .notFound, repeats: repeats, age: .seconds(repeats))
            default: .none
            }
        }
    }
}

/// SplitMix64.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
