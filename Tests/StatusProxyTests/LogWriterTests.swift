// Log lines as their reader gets them: complete, in order, in one of two formats, and bounded.

import Dispatch
import Glibc
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct LogWriterTests {
    /// What the log's reader has received.
    private func lines(
        _ level: LogLevel = .debug, _ format: LogFormat = .json, _ write: (LogWriter) -> Void
    ) throws -> [String] {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: level, format: format, descriptor: pipe.writer)
        write(log)
        log.flush(patience: .seconds(30))
        return try #require(pipe.lines())
    }

    @Test func everyLineIsOneJSONObject() throws {
        let lines = try lines { log in
            log.log(.info, "request", ["status": .integer(200), "source": .absent])
            log.log(
                .warning, "odd",
                [
                    "duration_ms": .milliseconds(.microseconds(1_500_001)),
                    "id": .text("\"a\"\r\nb\u{7F}\u{1}\u{2028}é"),
                ])
        }
        expectEqual(lines.count, 2)
        let first = try json(lines[0])
        expectEqual(first.names, ["time", "level", "message", "status"])
        expectEqual(first["level"]?.string, "info")
        expectEqual(first["message"]?.string, "request")
        expectEqual(first["status"]?.integer, 200)
        let second = try json(lines[1])
        expectEqual(second.names, ["time", "level", "message", "duration_ms", "id"])
        expectEqual(second["duration_ms"], .number("1500.001"))
        expectEqual(second["id"]?.string, "\"a\"\r\nb\u{7F}\u{1}\u{2028}é")
        let time = try #require(second["time"]?.string)
        #expect(RFC3339.parse(time) != nil)
    }

    @Test func textFormPutsNamesBeforeValues() throws {
        let lines = try lines(.debug, .text) { log in
            log.log(
                .error, "call failed",
                [
                    "source": .text("orders"), "status": .integer(500), "code": .absent,
                    "duration_ms": .milliseconds(.milliseconds(20)),
                ])
        }
        let words = try #require(lines.first).split(separator: " ")
        expectEqual(lines.count, 1)
        #expect(RFC3339.parse(String(words[0])) != nil)
        expectEqual(
            words.dropFirst().joined(separator: " "),
            "error call failed source=orders status=500 duration_ms=20.000")
    }

    /// Text that could pass for another member or line, or that moves a terminal's cursor.
    @Test(arguments: [
        ("plain", "plain"), ("a/b?c:d,e", "a/b?c:d,e"), ("", #""""#), ("a b", #""a b""#),
        ("BAD status=200", #""BAD status=200""#), (#"a"b"#, #""a\"b""#), (#"a\b"#, #""a\\b""#),
        ("a\nb", #""a\nb""#), ("a\rb", #""a\u000db""#), ("a\u{1B}[2Jb", #""a\u001b[2Jb""#),
        ("a\u{0}b", #""a\u0000b""#), ("a\u{7F}b", #""a\u007fb""#), ("a\u{85}b", #""a\u0085b""#),
        ("a\u{2028}b", #""a\u2028b""#), ("a\u{202E}b", #""a\u202eb""#), ("é", #""é""#),
    ])
    func textFormQuotesValuesThatAreNotPlain(value: String, written: String) throws {
        let lines = try lines(.debug, .text) { $0.log(.info, "said", ["id": .text(value)]) }
        expectEqual(lines.count, 1)
        #expect(try #require(lines.first).hasSuffix(" info said id=\(written)"))
    }

    @Test(arguments: LogLevel.allCases)
    func onlyTheLevelAndGraverOnesAreWritten(level: LogLevel) throws {
        let lines = try lines(level, .text) { log in
            for other in LogLevel.allCases { log.log(other, "said") }
        }
        let written = lines.map { $0.split(separator: " ")[1] }
        let levels = LogLevel.allCases.map(\.rawValue)
        let expected = levels.drop { $0 != level.rawValue }
        expectEqual(written.map(String.init), Array(expected))
    }

    @Test func linesOfOneWriterKeepTheirOrder() throws {
        let count = 5000
        let lines = try lines(.info, .text) { log in
            for number in 0..<count { log.log(.info, "line", ["number": .integer(number)]) }
        }
        expectEqual(lines.map { $0.split(separator: "=").last }, (0..<count).map { "\($0)" })
    }

    @Test func nothingIsLostAmongManyWriters() throws {
        let writers = 8
        let each = 500
        let lines = try lines(.info, .json) { log in
            DispatchQueue.concurrentPerform(iterations: writers) { writer in
                for number in 0..<each {
                    log.log(
                        .info, "line", ["writer": .integer(writer), "number": .integer(number)])
                }
            }
        }
        var next = [Int64](repeating: 0, count: writers)
        for line in lines {
            let value = try json(line)
            let writer = try #require(value["writer"]?.integer)
            expectEqual(value["number"]?.integer, next[Int(writer)])
            next[Int(writer)] += 1
        }
        expectEqual(next, [Int64](repeating: Int64(each), count: writers))
    }

    @Test func lineIsWrittenWithoutAFlushAfterEveryRest() {
        let pipe = Pipe()
        pipe.startReading()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        for count in 1...4 {
            log.log(.info, "line")
            #expect(pipe.hasLines(count))
            // Some batches long, so that there is nothing left to tick for; and at the end not.
            letPass(.milliseconds(count < 3 ? 200 : 20))
        }
        _ = pipe.lines()
    }

    /// At the highest level, so that the report of the loss cannot be filtered out.
    @Test func linesThatFindNoRoomAreDroppedAndCounted() throws {
        let pipe = Pipe()
        let log = LogWriter(level: .error, format: .json, descriptor: pipe.writer)
        let long = String(repeating: "x", count: 64 << 10)
        // Twice the limit plus what the pipe and a write in progress may hold.
        let count = 3 * LogWriter.pendingBytesMax / long.utf8.count
        for number in 0..<count {
            log.log(.error, "line", ["number": .integer(number), "text": .text(long)])
        }
        pipe.startReading()
        log.flush(patience: .seconds(30))
        let values = try #require(pipe.lines()).map(json)
        let dropped = values.compactMap { $0["lines"]?.integer }.reduce(0, +)
        let numbers = values.compactMap { $0["number"]?.integer }
        #expect(dropped > 0)
        expectEqual(numbers.count + Int(dropped), count)
        expectEqual(numbers, numbers.sorted())
        expectEqual(values.last?["message"]?.string, "log lines dropped")
        #expect(numbers.count * long.utf8.count <= 2 * LogWriter.pendingBytesMax)
    }

    @Test func lineAfterALossIsWrittenAgain() throws {
        let pipe = Pipe()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let tooLong = String(repeating: "x", count: LogWriter.pendingBytesMax)
        log.log(.info, "lost", ["text": .text(tooLong)])
        log.log(.info, "kept")
        pipe.startReading()
        log.flush(patience: .seconds(30))
        let messages = try #require(pipe.lines()).map { try json($0)["message"]?.string }
        expectEqual(messages, ["kept", "log lines dropped"])
    }

    @Test func flushGivesUpOnAReaderThatIsStuck() throws {
        let pipe = Pipe()
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        // More than a pipe holds.
        log.log(.info, "long", ["text": .text(String(repeating: "x", count: 2 << 20))])
        let startedAt = SystemClock.now()
        log.flush(patience: .milliseconds(10))
        #expect(SystemClock.now() - startedAt < .seconds(20))
        pipe.startReading()
        log.flush(patience: .seconds(30))
        try expectEqual(#require(pipe.lines()).count, 1)
    }

    /// Another process that shares the standard error may have made it non-blocking for all.
    @Test func pipeThatIsNonBlockingLosesNothing() throws {
        let pipe = Pipe()
        expectEqual(fcntl(pipe.writer, F_SETFL, O_NONBLOCK), 0)
        let log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        let text = String(repeating: "x", count: 9_000)
        // Several times a pipe's capacity, and less than may wait.
        let count = 300
        for number in 0..<count {
            log.log(.info, "line", ["number": .integer(number), "text": .text(text)])
        }
        // Nothing can be read yet: the pipe is full, and the writer waits.
        log.flush(patience: .milliseconds(100))
        pipe.startReading()
        log.flush(patience: .seconds(30))
        let numbers = try #require(pipe.lines()).map { try json($0)["number"]?.integer }
        expectEqual(numbers, (0..<count).map { Int64($0) })
        expectEqual(log.linesLost, 0)
    }

    @Test func linesThatCannotBeWrittenAreCountedAndReportedLater() throws {
        let descriptor = open("/dev/full", O_WRONLY)
        let log = LogWriter(level: .info, format: .json, descriptor: descriptor)
        for count in 1...3 {
            log.log(.info, "line")
            log.flush(patience: .seconds(30))
            expectEqual(log.linesLost, count)
        }
        let pipe = Pipe()
        pipe.startReading()
        // From now on the log writes into the pipe.
        expectEqual(dup2(pipe.writer, descriptor), descriptor)
        log.log(.info, "kept")
        log.flush(patience: .seconds(30))
        expectEqual(dup2(open("/dev/full", O_WRONLY), descriptor), descriptor)
        let values = try #require(pipe.lines()).map(json)
        expectEqual(values.map { $0["message"]?.string }, ["kept", "log lines dropped"])
        expectEqual(values.last?["lines"]?.integer, 3)
        expectEqual(log.linesLost, 3)
    }

    /// A datagram socket accepts a whole batch or nothing; it never accepts one that is too long.
    @Test func batchThatIsNeverTakenIsCountedLineByLine() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &ends) == 0)
        defer { ends.forEach { close($0) } }
        let log = LogWriter(level: .info, format: .json, descriptor: ends[0])
        let text = String(repeating: "x", count: 512 << 10)
        for _ in 0..<4 { log.log(.info, "line", ["text": .text(text)]) }
        log.flush(patience: .seconds(30))
        expectEqual(log.linesLost, 4)
        var datagram = [UInt8](repeating: 0, count: 4096)
        let count = recv(ends[1], &datagram, datagram.count, 0)
        let line = String(decoding: datagram.prefix(max(0, count)), as: UTF8.self)
        #expect(line.hasSuffix("\n"))
        try expectEqual(json(String(line.dropLast()))["message"]?.string, "log lines dropped")
    }

    @Test(arguments: [
        (Duration.zero, "0.000000"), (.microseconds(1), "0.000001"), (.seconds(60), "60.000000"),
        (.milliseconds(1234), "1.234000"), (.seconds(-1), "0.000000"),
        (.nanoseconds(999), "0.000000"),
    ])
    func spansAreSecondsWithSixDecimals(span: Duration, text: String) {
        expectEqual(LogWriter.secondsText(span), text)
    }
}
