// A pipe whose reader starts on request: the log is written into it, and its lines are read from it.

import Dispatch
import Glibc
import Locking
import TestSupport

/// Collects what is written to `writer`, from the start of reading on.
final class Pipe: Sendable {
    let writer: Int32
    private let reader: Int32
    private let received = Guarded<[UInt8]>([])
    private let ended = DispatchSemaphore(value: 0)

    init() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { fatalError("no pipe: \(errno)") }
        (reader, writer) = (ends[0], ends[1])
    }

    deinit { close(reader) }

    func startReading() {
        DispatchQueue(label: "pipe").async {
            var part = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(self.reader, &part, part.count)
                guard count > 0 else { break }
                self.received.withLock { [part] in $0 += part.prefix(count) }
            }
            self.ended.signal()
        }
    }

    /// Waits until that many lines have arrived; false if they do not.
    func hasLines(_ count: Int) -> Bool {
        eventually { received.withLock { $0.count { $0 == 0x0A } } >= count }
    }

    /// Ends the writing and returns all lines; nil if the reader does not reach the end. The writer's
    /// descriptor stays open for good: a log that outlives its test would else write into the next
    /// one's pipe.
    func lines() -> [String]? {
        let nowhere = open("/dev/null", O_WRONLY)
        guard dup2(nowhere, writer) == writer else { fatalError("no end of the pipe: \(errno)") }
        close(nowhere)
        guard ended.wait(timeout: .now() + .seconds(30)) == .success else { return nil }
        return received.withLock { $0 }.split(separator: 0x0A, omittingEmptySubsequences: false)
            .dropLast().map { String(decoding: $0, as: UTF8.self) }
    }
}
