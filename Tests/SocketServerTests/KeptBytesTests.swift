// Tests the buffers for slow peers and unfinished requests: bounded, counted, and cut for the right
// peers.

import Glibc
import HTTPWire
import Locking
import TestSupport
import Testing

@testable import SocketServer

@Suite(.blocking, .timeLimit(.minutes(2)))
struct KeptBytesTests {
    private static let later = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let same = "GET /same HTTP/1.1\r\nHost: a\r\n\r\n"

    /// A stage, and the connections that it has cut.
    private func stage(
        _ change: (inout ServerConfiguration) -> Void
    ) throws -> (Stage, Guarded<[Cut]>) {
        let cuts = Guarded<[Cut]>([])
        let stage = try Stage {
            $0.cutHandler = { cut in cuts.withLock { $0.append(cut) } }
            change(&$0)
        }
        return (stage, cuts)
    }

    private func reasons(_ cuts: Guarded<[Cut]>) -> [Cut.Reason] {
        cuts.withLock { $0.map(\.reason) }
    }

    /// A peer that has requested its own answer and reads nothing of it yet.
    private func stoppedReader(
        on stage: Stage, bytes: Int, receiveBytes: Int32 = 4096,
        delivery: Guarded<[Delivery]>? = nil
    ) throws -> Peer {
        let peer = try stage.peer(receiveBytes: receiveBytes)
        try peer.send(Self.later)
        let exchange = try stage.player.next()
        exchange.respond { writer in
            writer.write(Response(status: 200, body: Array(repeating: 0x78, count: bytes)))
            guard let delivery else { return }
            exchange.whenDelivered { end in delivery.withLock { $0.append(end) } }
        }
        return peer
    }

    // MARK: Answers

    @Test func answerForManySlowReadersIsKeptOnce() throws {
        let (stage, cuts) = try stage { $0.keptBytesMax = 16 << 20 }
        let stopped = try (0..<8).map { _ in
            let peer = try stage.peer(receiveBytes: 65_536)
            try peer.send(Self.same)
            return peer
        }
        #expect(eventually { stage.server.figures.keptOutputBytes >= 8 << 20 })
        let other = try stage.peer()
        try other.send(Self.same)
        try expectEqual(other.answer().body.utf8.count, 8 << 20)
        #expect(stage.server.figures.keptOutputBytes < 9 << 20)
        #expect(reasons(cuts).isEmpty)
        for peer in stopped { try expectEqual(peer.answer().body.utf8.count, 8 << 20) }
        #expect(eventually { stage.server.figures.keptOutputBytes == 0 })
    }

    /// It is the last, has the largest answer and starts late to read it.
    @Test(arguments: [1, 2])
    func honestReaderGetsItsWholeAnswerWhenOthersHaveFilledTheBound(loops: Int) throws {
        let (stage, cuts) = try stage {
            $0.loops = loops
            $0.keptBytesMax = 32 << 20
        }
        let stopped = try (0..<4).map { _ in try stoppedReader(on: stage, bytes: 7 << 20) }
        #expect(eventually { stage.server.figures.keptOutputBytes >= 28 << 20 })
        let honest = try stage.peer(receiveBytes: 65_536)
        try honest.send(Self.same)
        #expect(eventually { !reasons(cuts).isEmpty })
        letPass(.milliseconds(50))
        try expectEqual(honest.answer().body.utf8.count, 8 << 20)
        expectEqual(Set(reasons(cuts)), [.crowd])
        #expect(stage.server.figures.keptOutputBytes <= 32 << 20)
        withExtendedLifetime(stopped) {}
    }

    /// A peer that reads is not cut, although its answer is larger and older.
    @Test(arguments: [1, 2])
    func readerThatTakesItsAnswerIsKeptWhenOthersCome(loops: Int) throws {
        let (stage, cuts) = try stage {
            $0.loops = loops
            $0.keptBytesMax = 32 << 20
        }
        let bytes = 15 << 20
        let honest = try stoppedReader(on: stage, bytes: bytes, receiveBytes: 65_536)
        let stopped = try stoppedReader(on: stage, bytes: 14 << 20)
        #expect(eventually { stage.server.figures.keptOutputBytes >= 29 << 20 })
        var taken = 0
        func read(_ count: Int) throws {
            let goal = taken + count
            while taken < goal {
                let more = try honest.receiveOnce(atMost: 16 << 10)
                try #require(!more.isEmpty, "cut off after \(taken) bytes")
                taken += more.count
            }
        }
        // Longer than the server needs to see who reads, and less than the kernel buffers.
        for _ in 0..<20 {
            try read(32 << 10)
            letPass(.milliseconds(50))
        }
        let next = try stoppedReader(on: stage, bytes: 14 << 20)
        #expect(eventually { !reasons(cuts).isEmpty })
        try read(bytes - taken)
        expectEqual(reasons(cuts).first, .crowd)
        withExtendedLifetime((stopped, next)) {}
    }

    @Test func connectionBeyondItsShareIsCutOff() throws {
        let (stage, cuts) = try stage { $0.keptBytesPerConnectionMax = 10 << 20 }
        let delivery = Guarded<[Delivery]>([])
        let peer = try stoppedReader(on: stage, bytes: 11 << 20, delivery: delivery)
        #expect(eventually { stage.server.connectionCount == 0 })
        expectEqual(reasons(cuts), [.share])
        #expect(cuts.withLock { $0.first?.unsentBytes ?? 0 } > 0)
        expectEqual(delivery.withLock { $0.count }, 1)
        withExtendedLifetime(peer) {}
    }

    // MARK: Receipts

    @Test func answerThatIsTakenIsDelivered() throws {
        let (stage, _) = try stage { _ in }
        let delivery = Guarded<[Delivery]>([])
        let peer = try stoppedReader(
            on: stage, bytes: 8 << 20, receiveBytes: 65_536, delivery: delivery)
        try expectEqual(peer.answer().body.utf8.count, 8 << 20)
        #expect(eventually { delivery.withLock { !$0.isEmpty } })
        guard case .whole = delivery.withLock({ $0.first }) else {
            Issue.record("not whole")
            return
        }
    }

    @Test func answerWhosePeerHasGoneIsNotDelivered() throws {
        let (stage, cuts) = try stage { _ in }
        let delivery = Guarded<[Delivery]>([])
        let peer = try stoppedReader(on: stage, bytes: 8 << 20, delivery: delivery)
        #expect(eventually { stage.server.figures.keptOutputBytes > 0 })
        peer.reset()
        #expect(eventually { delivery.withLock { !$0.isEmpty } })
        guard case .gone = delivery.withLock({ $0.first }) else {
            Issue.record("not gone")
            return
        }
        #expect(reasons(cuts).isEmpty)
    }

    // MARK: Least rate

    /// A few bytes now and then are no progress.
    @Test func readerBelowTheLeastRateIsCutOff() throws {
        let (stage, cuts) = try stage {
            $0.writeTimeout = .seconds(1)
            $0.leastBytesPerSecond = 1 << 20
        }
        let delivery = Guarded<[Delivery]>([])
        let peer = try stoppedReader(on: stage, bytes: 8 << 20, delivery: delivery)
        let isOver = eventually {
            letPass(.milliseconds(20))
            return (try? peer.receiveOnce(atMost: 512)) == nil
                || stage.server.connectionCount == 0
        }
        #expect(isOver)
        expectEqual(reasons(cuts), [.slow])
        guard case .cut = delivery.withLock({ $0.first }) else {
            Issue.record("not cut")
            return
        }
    }

    @Test func readerBelowTheLeastRateDoesNotDelayTheStop() throws {
        let (stage, cuts) = try stage {
            $0.writeTimeout = .seconds(600)
            $0.drainWriteTimeout = .milliseconds(500)
            $0.leastBytesPerSecond = 1 << 20
        }
        let peer = try stoppedReader(on: stage, bytes: 8 << 20)
        #expect(eventually { stage.server.figures.keptOutputBytes > 0 })
        let idle = Signal()
        stage.server.stopAccepting()
        stage.server.whenIdle { idle.fire() }
        #expect(idle.wait())
        expectEqual(reasons(cuts), [.slow])
        withExtendedLifetime(peer) {}
    }

    @Test func readerThatKeepsPaceGetsItsWholeAnswerDuringADrain() throws {
        let (stage, cuts) = try stage {
            $0.drainWriteTimeout = .seconds(2)
            $0.leastBytesPerSecond = 1024
        }
        let peer = try stoppedReader(on: stage, bytes: 8 << 20, receiveBytes: 65_536)
        #expect(eventually { stage.server.figures.keptOutputBytes > 0 })
        stage.server.stopAccepting()
        var taken = 0
        var pauses = 0
        while taken < 8 << 20 {
            let bytes = try peer.receiveOnce(atMost: 128 << 10)
            try #require(!bytes.isEmpty, "cut off after \(taken) bytes")
            taken += bytes.count
            guard taken / (256 << 10) > pauses else { continue }
            pauses += 1
            letPass(.milliseconds(150))
        }
        #expect(reasons(cuts).isEmpty)
    }

    // MARK: Input

    private static let unfinished = "GET /a HTTP/1.1\r\nX: " + String(repeating: "x", count: 15_000)

    @Test func unfinishedHeadsKeepNoMoreThanTheBound() throws {
        let (stage, cuts) = try stage { $0.inputBytesMax = 256 << 10 }
        func crowd(_ count: Int) throws -> [Peer] {
            try (0..<count).map { _ in
                let peer = try stage.peer()
                try peer.send(Self.unfinished)
                return peer
            }
        }
        let first = try crowd(8)
        #expect(eventually { stage.server.figures.keptInputBytes >= 8 * 15_000 })
        let crowd = try first + crowd(56)
        #expect(eventually { reasons(cuts).count >= 64 - 17 })
        expectEqual(Set(reasons(cuts)), [.input])
        #expect(stage.server.figures.keptInputBytes <= 256 << 10)
        // The first has been buffered longest.
        try expectEqual(crowd[0].answer().status, 503)
        let honest = try stage.peer()
        try honest.send("GET /a HTTP/1.1\r\nHo")
        try honest.send("st: a\r\n\r\n")
        try expectEqual(honest.answer().body, "/a")
        for peer in crowd { peer.close() }
        #expect(eventually { stage.server.figures.keptInputBytes == 0 })
    }

    @Test func requestsBehindHeldOnesKeepNoMoreThanTheBound() throws {
        let (stage, cuts) = try stage { $0.inputBytesMax = 256 << 10 }
        let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
        let modest = try stage.peer()
        try modest.send(Self.later + next)
        let exchange = try stage.player.next()
        let crowd = try (0..<40).map { _ in
            let peer = try stage.peer()
            try peer.send(Self.later + String(repeating: next, count: 800))
            _ = try stage.player.next()
            return peer
        }
        #expect(eventually { reasons(cuts).contains(.input) })
        #expect(stage.player.left.wait())
        #expect(stage.server.figures.keptInputBytes <= 256 << 10)
        exchange.respond(Response(status: 204))
        try expectEqual(modest.answer().status, 204)
        try expectEqual(modest.answer().body, "/next")
        for peer in crowd { peer.close() }
        #expect(eventually { stage.server.figures.keptInputBytes == 0 })
    }

    @Test func inputBeyondTheShareBehindAHeldRequestIsCutOff() throws {
        let (stage, cuts) = try stage { $0.inputBytesPerConnectionMax = 64 << 10 }
        let peer = try stage.peer()
        try peer.send(Self.later)
        _ = try stage.player.next()
        try peer.send(String(repeating: Self.later, count: 4000))
        #expect(stage.player.left.wait())
        expectEqual(reasons(cuts), [.input])
        #expect(eventually { stage.server.connectionCount == 0 })
        expectEqual(stage.server.figures.keptInputBytes, 0)
    }

    @Test func contentThatIsCollectedCountsAsInput() throws {
        let (stage, cuts) = try stage {
            $0.collectsBodies = true
            $0.inputBytesMax = 256 << 10
        }
        let crowd = try (0..<16).map { _ in
            let peer = try stage.peer()
            try peer.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n")
            try peer.send([UInt8](repeating: 0x78, count: 60_000))
            return peer
        }
        #expect(eventually { reasons(cuts).contains(.input) })
        #expect(stage.server.figures.keptInputBytes <= 256 << 10)
        withExtendedLifetime(crowd) {}
    }
}
