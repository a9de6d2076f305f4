// Event streams over a real server with an engine that has no room for a caller: each request gets a
// problem immediately, so every stream pauses and asks again.

import Dispatch
import Glibc
import HTTPWire
import SocketServer
import StateStores
import StatusAPI
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

@Suite(.blocking, .timeLimit(.minutes(2)))
struct EventStreamsTests {
    /// Opens a stream of ten actions for each client.
    private final class Desk: RequestHandler {
        let streams: EventStreams

        init(_ streams: EventStreams) { self.streams = streams }

        func handle(
            _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
            writer: inout ResponseWriter
        ) -> Handling {
            var context = RequestContext(head, bytes, .actions, exchange)
            context.keep(bytes)
            let followed = FollowedActions(ids: (0..<10).map { "aa_\($0)" })
            streams.open(followed, isPlain: false, context, exchange)
            return .later
        }

        func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool { false }
        func abandoned(_ exchange: Exchange) { streams.abandoned(exchange) }
    }

    private final class Stage {
        let streams: EventStreams
        let server: Server
        let place: ServerPlace

        init(actionsMax: Int) throws {
            let log = LogWriter(level: .error, format: .json)
            let policy = TrackerPolicy(
                sources: PerSource([]), refreshWait: .seconds(1), staleMax: .seconds(60),
                terminalTTL: .seconds(60), actionsMax: 10, callersMax: 0)
            let engine = Engine(
                policy: policy, store: MemoryStore(clock: { SystemClock.now() }),
                clients: PerSource([]), readers: PerSource([]), responses: ResponseCache(),
                observer: Observer(log: log, metrics: Metrics(), health: Health()),
                target: DispatchQueue(label: "event-streams-tests"))
            streams = EventStreams(
                engine: engine,
                journal: RequestJournal(log: log, metrics: Metrics(), shards: 2), caches: .shared,
                actionsMax: actionsMax)
            server = try Server(ServerConfiguration(loops: 2), handler: Desk(streams))
            server.start()
            place = .tcp(host: "127.0.0.1", port: "\(server.address.port)")
        }

        /// A reader that has sent its request, and reads when the test wants.
        func reader() throws -> Int32 {
            let descriptor = try ServerLink.connect(place, timeoutSeconds: 60)
            try ServerLink.send("GET / HTTP/1.0\r\n\r\n", on: descriptor)
            return descriptor
        }

        /// A stream up to its end.
        func stream() throws -> String {
            let answer = try ServerLink.get(place, "/", key: nil, timeoutSeconds: 60)
            return String(decoding: answer.body, as: UTF8.self)
        }
    }

    @Test func streamBeyondTheBoundReportsItAndEnds() async throws {
        let stage = try Stage(actionsMax: 25)
        let readers = try (0..<2).map { _ in try stage.reader() }
        try await eventually("two streams") { stage.streams.count == 2 }
        let text = try stage.stream()
        expectEqual(text.split(separator: "event: problem\n").count, 10)
        #expect(text.contains("Too many actions are followed in event streams. Try again"))
        // A reader that leaves makes room.
        close(readers[0])
        try await eventually("one stream") { stage.streams.count == 1 }
        let next = try stage.reader()
        try await eventually("two streams again") { stage.streams.count == 2 }
        for reader in [readers[1], next] { close(reader) }
        try await eventually("no stream") { stage.streams.count == 0 }
    }

    /// Many streams pause, wake, are left and are drained at once, on two loops.
    @Test func restingStreamsCanBeAbandonedAndDrained() async throws {
        let stage = try Stage(actionsMax: 10_000)
        let readers = try (0..<60).map { _ in try stage.reader() }
        try await eventually("all streams") { stage.streams.count == readers.count }
        // Longer than a pause: each has asked again by then.
        let before = SystemClock.now()
        for reader in readers.prefix(20) { close(reader) }
        try await eventually("the remaining streams") { stage.streams.count == 40 }
        try await eventually("longer than a pause") {
            SystemClock.now() - before > .milliseconds(1600)
        }
        for reader in readers[20..<40] { close(reader) }
        stage.streams.drain()
        try await eventually("no stream") { stage.streams.count == 0 }
        for reader in readers.suffix(20) {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var count = recv(reader, &buffer, buffer.count, 0)
            while count > 0 { count = recv(reader, &buffer, buffer.count, 0) }
            expectEqual(count, 0, "the end, not a reset")
            close(reader)
        }
    }
}
