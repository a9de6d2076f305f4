// The way of a miss through the real engine and transport: its visits to the store, and the threads that it
// crosses.

import Dispatch
import Locking
import StatusCore
import TestSupport
import Testing
import UpstreamCurl

@testable import StateStores
@testable import StatusProxy

struct MissTests {
    enum Kind: CaseIterable {
        case memory, sqlite

        func open(_ folder: TemporaryFolder) throws -> any StateStore {
            switch self {
            case .memory: MemoryStore(clock: { SystemClock.now() })
            case .sqlite: try SQLiteStore(path: folder.path + "/store.sqlite")
            }
        }
    }

    /// From the caller to the engine and back; to a store that waits for its disk and back, twice (once, if the
    /// completion takes so long that the answer does not wait for it). What the engine and the transport do
    /// between that happens on one thread.
    @Test(arguments: Kind.allCases, [false, true])
    func aMissVisitsTheStoreTwice(kind: Kind, fitsNone: Bool) async throws {
        let folder = TemporaryFolder()
        let way = Way()
        let store = WatchedStore(try kind.open(folder), way)
        let server = CannedServer(Self.answer(status: "DONE"))
        let engine = try Self.engine(store, way, port: server.port)
        try await eventually("not registered") { store.isRegistered }
        let id = try #require(ActionID(fitsNone ? "shipment.17" : "aa_17"))
        way.begin()
        // The thread sanitizer does not see a continuation that is resumed before it is awaited.
        let replied = Guarded<Reply?>(nil)
        await withCheckedContinuation { next in
            engine.ask([Question(id: id)], trace: nil) { _, reply in
                way.pass("reply")
                replied.withLock { $0 = reply }
                next.resume()
            }
        }
        let reply = replied.withLock { $0 }
        guard case .answer(let answer) = reply else {
            Issue.record("\(String(describing: reply))")
            return
        }
        expectEqual(answer.document.status, .succeeded)
        expectEqual(way.visits, ["look up, or reserve", "complete"])
        #expect(way.crossings <= (kind == .memory ? 2 : 6), "\(way.steps)")
        withExtendedLifetime((engine, server)) {}
    }

    private static func answer(status: String) -> String {
        let body = "{\"status\":\"\(status)\",\"operation_status\":\"SUCCESS\"}"
        return """
            HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r
            Connection: close\r\n\r\n\(body)
            """
    }

    private static func engine(
        _ store: WatchedStore, _ way: Way, port: Int
    ) throws -> Engine {
        let target = DispatchQueue(label: "miss-tests")
        way.mark(target)
        let client = CurlUpstreamClient(
            multi: try CurlMulti(target: target),
            endpoint: try UpstreamEndpoint(
                baseURL: UpstreamURL("http://127.0.0.1:\(port)"), path: "/{id}",
                timeout: .seconds(10), caFile: nil, userAgent: "status-proxy/test",
                credentials: .fields([])),
            clock: { SystemClock.now() })
        let reader = try #require(SourceKind.voucherify.api?.reader)
        let policy = SourcePolicy(
            minInterval: .seconds(30), maxInterval: .seconds(300), callDeadline: .seconds(10),
            budget: BudgetLimits(perMinute: 60, perDay: nil), idPattern: .prefix("aa_"))
        return Engine(
            policy: TrackerPolicy(
                sources: PerSource([(.vouchers, policy)]), refreshWait: .seconds(1),
                staleMax: .seconds(60), terminalTTL: .seconds(60), actionsMax: 10),
            store: store, clients: PerSource([(.vouchers, client)]),
            readers: PerSource([(.vouchers, reader)]),
            responses: ResponseCache(),
            observer: Observer(
                log: LogWriter(level: .error, format: .json), metrics: Metrics(), health: Health()),
            target: target)
    }
}

/// Where a miss has been: with its caller, on the engine's thread, or elsewhere.
private final class Way: Sendable {
    private static let engine = DispatchSpecificKey<Void>()
    private let state = Guarded((visits: [String](), steps: [String](), isBegun: false))

    func mark(_ queue: DispatchQueue) { queue.setSpecific(key: Self.engine, value: ()) }

    func begin() { state.withLock { $0 = ([], ["caller"], true) } }

    func pass(_ name: String, isVisit: Bool = false) {
        let place = DispatchQueue.getSpecific(key: Self.engine) == nil ? "elsewhere" : "engine"
        state.withLock { state in
            guard state.isBegun else { return }
            state.steps.append(place)
            if isVisit { state.visits.append(name) }
        }
    }

    var visits: [String] { state.withLock { $0.visits } }
    var steps: [String] { state.withLock { $0.steps } + ["caller"] }

    /// What waits for a thread.
    var crossings: Int { zip(steps, steps.dropFirst()).count { $0 != $1 } }
}

/// A store that is watched on its way.
private final class WatchedStore: StateStore {
    private let store: any StateStore
    private let way: Way
    private let registered = Guarded(false)

    init(_ store: any StateStore, _ way: Way) {
        self.store = store
        self.way = way
    }

    /// The engine has the same report already.
    var isRegistered: Bool { registered.withLock { $0 } }

    func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation],
        reply: @escaping @Sendable (Result<LookUpReply, StoreFailure>) -> Void
    ) {
        way.pass("look up, or reserve", isVisit: true)
        store.lookUp(ids, orReserve: requests) { [way] in
            way.pass("found")
            reply($0)
        }
    }

    func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void
    ) {
        way.pass("reserve", isVisit: true)
        store.reserve(request) { [way] in
            way.pass("reserved")
            reply($0)
        }
    }

    func complete(
        _ completion: Completion,
        reply: @escaping @Sendable (Result<CompletionReply, StoreFailure>) -> Void
    ) {
        way.pass("complete", isVisit: true)
        store.complete(completion) { [way] in
            way.pass("completed")
            reply($0)
        }
    }

    func register(
        _ sources: [Source: Duration],
        reply: @escaping @Sendable (Result<[Source: Duration], StoreFailure>) -> Void
    ) {
        store.register(sources) { [registered] in
            reply($0)
            registered.withLock { $0 = true }
        }
    }

    func purge(
        _ retention: Retention, reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void
    ) {
        store.purge(retention, reply: reply)
    }

    func close(reply: @escaping @Sendable () -> Void) { store.close(reply: reply) }
}
