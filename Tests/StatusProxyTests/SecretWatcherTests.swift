// When a secret file is read again, and what is logged about it.

import Dispatch
import Glibc
import Locking
import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct SecretWatcherTests {
    private struct Unreadable: Error, CustomStringConvertible {
        var description: String { "too many open files" }
    }

    private let folder = TemporaryFolder()
    private let pipe = Pipe()
    private let readings = Guarded<[String]>([])
    private let isShort = Guarded(false)
    private let log: LogWriter
    private let watcher: SecretWatcher

    init() {
        pipe.startReading()
        log = LogWriter(level: .info, format: .json, descriptor: pipe.writer)
        watcher = SecretWatcher(log: log, interval: .milliseconds(5))
    }

    private func watch(_ path: String) {
        watcher.watch(path, "ORDERS_TOKEN_FILE") { [readings, isShort] in
            if isShort.withLock({ $0 }) {
                readings.withLock { $0.append("failed") }
                throw Unreadable()
            }
            let bytes = try SmallFile.read(path, bytesMax: 100)
            readings.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
        }
    }

    /// In one step, so that no read sees half of it.
    private func replace(_ path: String, by text: String) {
        expectEqual(rename(folder.write(text, to: "next"), path), 0)
    }

    private func wait(until condition: ([String]) -> Bool) -> Bool {
        eventually { readings.withLock { condition($0) } }
    }

    /// The log of the checks that have started.
    private func messages() throws -> [String?] {
        // It waits in the queue behind the check in progress.
        watcher.watch("", "CALLER_KEYS_FILE") {}
        log.flush(patience: .seconds(30))
        return try #require(pipe.lines()).map { try json($0)["message"]?.string }
    }

    @Test func fileIsReadWhenItsWatchBegins() throws {
        watch(folder.write("one"))
        expectEqual(readings.withLock { $0 }, ["one"])
        let messages = try messages()
        expectEqual(messages, [])
    }

    @Test func changedFileIsReadOnce() throws {
        let path = folder.write("one")
        watch(path)
        for text in ["other", "third one"] {
            replace(path, by: text)
            #expect(wait { $0.last == text })
        }
        expectEqual(readings.withLock { $0 }, ["one", "other", "third one"])
    }

    @Test func failedReadingIsTriedAgainForAnUnchangedFile() throws {
        let path = folder.write("one")
        watch(path)
        isShort.withLock { $0 = true }
        replace(path, by: "other")
        // Many checks, one complaint.
        #expect(wait { $0.count >= 10 })
        isShort.withLock { $0 = false }
        #expect(wait { $0.last == "other" })
        let messages = try messages()
        expectEqual(
            messages,
            [
                "secret file cannot be used; its previous content stays in force",
                "secret file read again",
            ])
    }
}
