// Results of a megabyte, many of them: memory stays within bounds that the settings name, and nothing is cut.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(20)))
struct LargeResultOrdealTests {
    private static let resultBytes = 1_000_000
    private static let settings = [
        "VOUCHERS_TIMEOUT": "30s", "VOUCHERS_CALLS_PER_MINUTE": "6000", "REFRESH_WAIT": "30s",
    ]

    private func id(_ number: Int) -> String {
        "aa_feeb" + String(repeating: "0", count: 10) + String(1000 + number)
    }

    /// Asked for until it is there; what its answer takes.
    @discardableResult
    private func warm(_ number: Int, on world: World) async throws -> Int {
        var size = 0
        try await eventually("action \(number)") {
            let reply = try world.get("/actions/\(id(number))")
            size = reply.body.count
            return reply.status == 200
        }
        return size
    }

    /// 300 results would be 300 MB. Beside what the setting allows there is one that is being read: its bytes,
    /// its parsed form, its state and the store's copies of that.
    @Test func resultsTakeNoMoreThanTheSettingAllows() async throws {
        let bytesMax = 32 << 20
        let world = try await World(Self.settings.merging(["CACHE_MAX_BYTES": "32MiB"]) { $1 })
        try await warm(0, on: world)
        let before = try ProcessFigures.residentBytes(of: world.proxy)
        for number in 1...300 { #expect(try await warm(number, on: world) > Self.resultBytes) }
        #expect(try world.figure("actions_stored_bytes") <= bytesMax)
        let growth = try ProcessFigures.peakBytes(of: world.proxy) - before
        #expect(growth < ProcessFigures.growthMax(bytesMax + 16 * Self.resultBytes))
    }

    /// Twenty callers read at once, each a little at a time and only when all others have had their turn. What
    /// they are sent is 600 MB; the states of which it consists are in memory once, and beside them there is
    /// what may be kept for slow peers.
    @Test func batchesThatAreReadSlowlyAreWholeInBoundedMemory() async throws {
        let world = try await World(Self.settings)
        var size = 0
        for number in 0..<60 { size = try await warm(number, on: world) }
        try ProcessFigures.forgetPeak(of: world.proxy)
        let before = try ProcessFigures.residentBytes(of: world.proxy)
        let readers = try (0..<20).map { number in
            let ids = (0..<30).map { id((2 * number + $0) % 60) }
            return try SlowReader(
                port: world.port, "/actions?" + ids.map { "id=\($0)" }.joined(separator: "&"))
        }
        while try !readers.map({ try $0.readSome() }).allSatisfy({ $0 }) {}
        let frame = #"{"done":true,"actions":[],"failures":[]}"#.utf8.count
        for (number, reader) in readers.enumerated() {
            #expect(reader.head.hasPrefix("HTTP/1.1 200 "))
            expectEqual(reader.contentBytes, frame + 30 * size + 29)
            #expect(reader.start.hasPrefix(#"{"done":true,"actions":[{"id":"\#(id(2 * number))""#))
            #expect(reader.end.hasSuffix(#"}],"failures":[]}"#))
        }
        let keptBytesMax = 64 << 20
        let growth = try ProcessFigures.peakBytes(of: world.proxy) - before
        #expect(growth < ProcessFigures.growthMax(keptBytesMax))
        for reason in ["slow", "share", "crowd"] {
            try expectEqual(world.figure("connections_cut_total{reason=\"\(reason)\"}"), 0)
        }
    }
}

/// Asks for something large and keeps but its edges.
private final class SlowReader {
    private let socket: RawSocket
    private var bytes: [UInt8] = []
    private(set) var head = ""
    private(set) var start = ""
    private(set) var contentBytes = 0

    var end: String { String(decoding: bytes, as: UTF8.self) }

    init(port: Int, _ path: String) throws {
        socket = try RawSocket(port: port, receiveBytes: 1 << 20)
        try socket.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    }

    /// Reads what has come, at most 64 KiB; true when that was all.
    func readSome() throws -> Bool {
        guard let piece = try socket.piece() else { return true }
        bytes += piece
        if head.isEmpty {
            guard let range = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return false }
            head = String(decoding: bytes[..<range.lowerBound], as: UTF8.self)
            bytes.removeFirst(range.upperBound)
            contentBytes = bytes.count
        } else {
            contentBytes += piece.count
        }
        if start.isEmpty, bytes.count > 100 {
            start = String(decoding: bytes.prefix(100), as: UTF8.self)
        }
        bytes = bytes.suffix(100)
        return false
    }
}
