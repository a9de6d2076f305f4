// Callers that do not read their answers: they are cut off, reported, and slow no one else.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct SlowReaderTests {
    private static let largeBytes = 7 << 20
    private static let settings = ["VOUCHERS_TIMEOUT": "30s"]

    private func large(_ number: Int) -> String {
        "/actions/aa_feed" + String(repeating: "0", count: 12) + String(number + 10)
    }

    /// Waits until the proxy has it.
    private func warm(_ path: String, on world: World) async throws {
        try await eventually("the large action") { try world.get(path).status == 200 }
    }

    private func stoppedReader(_ path: String, on world: World, id: String) throws -> RawSocket {
        let socket = try RawSocket(port: world.port, receiveBytes: 65_536)
        try socket.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: \(id)\r\n\r\n")
        return socket
    }

    private func figure(_ name: String, of world: World) throws -> Int {
        let lines = try world.get("/metrics").text.split(separator: "\n")
        let line = lines.first { $0.hasPrefix("status_proxy_\(name) ") }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
    }

    private func line(_ requestID: String, in text: String) -> JSONValue? {
        text.split(separator: "\n").compactMap { try? JSONReader.read(Array($0.utf8)) }
            .first { $0["request_id"]?.string == requestID }
    }

    @Test func oneLargeAnswerForManySlowReadersIsKeptOnce() async throws {
        let world = try await World(Self.settings)
        try await warm(large(0), on: world)
        let stopped = try (0..<14).map { try stoppedReader(large(0), on: world, id: "s\($0)") }
        try await eventually("the buffered answer") {
            try figure("kept_bytes{of=\"output\"}", of: world) > Self.largeBytes
        }
        #expect(try world.get(large(0)).body.count > Self.largeBytes)
        #expect(try figure("kept_bytes{of=\"output\"}", of: world) < 2 * Self.largeBytes)
        for reason in ["slow", "share", "crowd", "input"] {
            try expectEqual(figure("connections_cut_total{reason=\"\(reason)\"}", of: world), 0)
        }
        for socket in stopped { #expect(try socket.reply().body.count > Self.largeBytes) }
        try await eventually("an empty buffer") {
            try figure("kept_bytes{of=\"output\"}", of: world) == 0
        }
    }

    @Test func slowReaderIsCutOffInFavourOfAFastOneAndLogged() async throws {
        let world = try await World(Self.settings)
        let count = 10
        for number in 0...count { try await warm(large(number), on: world) }
        let stopped = try (0..<count).map {
            try stoppedReader(large($0), on: world, id: "stopped-\($0)")
        }
        let cut = "connections_cut_total{reason=\"crowd\"}"
        try await eventually("a cut connection") { try figure(cut, of: world) > 0 }
        // The last one is buffered in place of another.
        let before = try figure(cut, of: world)
        let honest = try stoppedReader(large(count), on: world, id: "honest")
        letPass(.milliseconds(50))
        #expect(try honest.reply().body.count > Self.largeBytes)
        #expect(try figure(cut, of: world) >= before)
        let found = try await world.proxy.wait(for: "a line") { text in
            (0..<count).compactMap { line("stopped-\($0)", in: text) }.first
        }
        expectEqual(found["status"]?.integer, 200)
        expectEqual(found["cut"]?.string, "crowd")
        let whole = try await world.proxy.wait(for: "the honest one's line") {
            line("honest", in: $0)
        }
        expectEqual(whole["status"]?.integer, 200)
        #expect(whole["cut"] == nil)
        #expect(world.proxy.text.contains("\"connection cut off\""))
        withExtendedLifetime(stopped) {}
    }

    @Test func answerWhoseReaderGoesAwayIsNotLoggedAsWhole() async throws {
        let world = try await World(Self.settings)
        try await warm(large(0), on: world)
        let reader = try stoppedReader(large(0), on: world, id: "gone")
        try await eventually("the buffered answer") {
            try figure("kept_bytes{of=\"output\"}", of: world) > 0
        }
        reader.reset()
        let found = try await world.proxy.wait(for: "a line") { line("gone", in: $0) }
        expectEqual(found["cut"]?.string, "gone")
    }

    /// It reads at most a kibibyte a second.
    @Test func slowReaderDoesNotDelayTheExit() async throws {
        let world = try await World(
            Self.settings.merging(["SHUTDOWN_TIMEOUT": "300s"]) { $1 })
        try await warm(large(0), on: world)
        let reader = try stoppedReader(large(0), on: world, id: "slow")
        try await eventually("the buffered answer") {
            try figure("kept_bytes{of=\"output\"}", of: world) > 0
        }
        world.proxy.signal(SIGTERM)
        try await expectEqual(world.proxy.exitCode(seconds: 120), 0)
        #expect(world.proxy.text.contains("\"stopped\""))
        expectEqual(line("slow", in: world.proxy.text)?["cut"]?.string, "slow")
        withExtendedLifetime(reader) {}
    }
}
