// Log lines, written in batches off the loops.

import Dispatch
import Glibc
import Locking
import StatusCore

enum LogLevel: String, CaseIterable, Comparable, Sendable {
    case debug, info, warning, error

    static func < (a: LogLevel, b: LogLevel) -> Bool { a.order < b.order }

    private var order: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }

    var name: StaticString {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }
}

enum LogFormat: String, CaseIterable, Sendable {
    case json, text
}

/// Collects lines and writes them to a descriptor, on a queue of its own.
///
/// Lines wait in memory up to ``pendingBytesMax``; when the reader of the log is slower than that,
/// lines are dropped and counted: the log never holds up a request. So are lines that cannot be written,
/// to a full disk for one. Of a line that was written in part, the rest is kept and goes first.
final class LogWriter: Sendable {
    static let pendingBytesMax = 4 << 20
    /// Lines are gathered for so long before they are written: a write per line would cost more than
    /// the request that it tells of.
    static let batchSpan = DispatchTimeInterval.milliseconds(50)
    /// Before it is tried again to write to a log that took nothing.
    static let failedSpan = DispatchTimeInterval.seconds(1)
    /// So many bytes are written at once: under load the two buffers that take turns stay small.
    static let batchBytes = 256 << 10

    let level: LogLevel
    let format: LogFormat
    private let descriptor: Int32
    private let queue = DispatchQueue(label: "status-proxy.log", qos: .utility)
    private let pending = Guarded(Pending())
    /// Ticks while there are lines. Made once, like `call`: a closure handed to the queue would be
    /// heap allocations a batch. `nonisolated(unsafe)`: any thread may use Dispatch's sources.
    private nonisolated(unsafe) let ticks: any DispatchSourceTimer
    /// Has a full batch written at once.
    private nonisolated(unsafe) let call: any DispatchSourceUserDataAdd

    private struct Pending {
        var bytes: [UInt8] = []
        /// The other of two buffers that take turns.
        var spare: [UInt8] = []
        /// Lines that are lost and not reported yet, and all that ever were.
        var dropped = 0
        var droppedEver = 0
        /// The rest of a line that could be written in part only.
        var unfinished: [UInt8] = []
        var isTicking = false
        var isCalled = false

        var isEmpty: Bool { bytes.isEmpty && dropped == 0 && unfinished.isEmpty }

        /// Something is left over from the last write.
        var hasFailed: Bool { dropped > 0 || !unfinished.isEmpty }

        mutating func drop(_ lines: Int) {
            dropped += lines
            droppedEver += lines
        }

        /// Takes a line in; returns what is to be set going for it.
        mutating func take(_ line: UnsafeBufferPointer<UInt8>) -> Need {
            guard bytes.count + line.count <= LogWriter.pendingBytesMax else {
                drop(1)
                return .none
            }
            bytes.append(contentsOf: line)
            if bytes.count >= LogWriter.batchBytes, !isCalled {
                isCalled = true
                return .call
            }
            guard !isTicking else { return .none }
            isTicking = true
            return .ticks
        }
    }

    private enum Need {
        case none
        case ticks
        case call
    }

    init(level: LogLevel, format: LogFormat, descriptor: Int32 = STDERR_FILENO) {
        self.level = level
        self.format = format
        self.descriptor = descriptor
        ticks = DispatchSource.makeTimerSource(queue: queue)
        call = DispatchSource.makeUserDataAddSource(queue: queue)
        ticks.setEventHandler { [weak self] in self?.tick() }
        call.setEventHandler { [weak self] in self?.write() }
        ticks.activate()
        call.activate()
    }

    /// Lines that never reached the log since the start.
    var linesLost: Int { pending.withLock { $0.droppedEver } }

    deinit {
        ticks.cancel()
        call.cancel()
        write()
    }

    func log(
        _ level: LogLevel, _ message: StaticString,
        _ values: KeyValuePairs<StaticString, LogValue> = [:]
    ) {
        guard level >= self.level else { return }
        append(format.line(level, message, values).span)
    }

    /// Takes a whole line, its end included, of a level that is to be written.
    func append(_ line: Span<UInt8>) {
        let need = line.withUnsafeBufferPointer { line in
            pending.withLock { $0.take(line) }
        }
        switch need {
        case .none: break
        case .ticks: startTicks()
        case .call: call.add(data: 1)
        }
    }

    private func startTicks() {
        ticks.schedule(deadline: .now() + Self.batchSpan, repeating: Self.batchSpan)
    }

    /// Writes, or stops ticking when there has been nothing since the last tick.
    private func tick() {
        guard pending.withLock({ $0.isEmpty }) else {
            write()
            if pending.withLock({ $0.hasFailed }) {
                ticks.schedule(deadline: .now() + Self.failedSpan, repeating: Self.batchSpan)
            }
            return
        }
        ticks.schedule(deadline: .distantFuture)
        // A line that came in between has found the ticks going.
        let isOver = pending.withLock { pending in
            pending.isTicking = !pending.isEmpty
            return pending.isEmpty
        }
        if !isOver { startTicks() }
    }

    /// Returns when everything logged so far is written, or when its reader has taken too long: a
    /// log that is stuck must not keep the process from its end.
    func flush(patience: Duration = .seconds(1)) {
        let written = DispatchSemaphore(value: 0)
        queue.async {
            self.write()
            written.signal()
        }
        _ = written.wait(timeout: .now() + .nanoseconds(Int(patience.nanoseconds)))
    }

    private func write() {
        // Told behind the lines that were there when it was dropped, not behind later ones.
        var (bytes, dropped) = pending.withLock { pending in
            let taken = (pending.bytes, pending.dropped)
            pending.bytes = pending.spare
            pending.spare = []
            pending.isCalled = false
            return taken
        }
        dropped += writeLines(bytes)
        report(dropped)
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.spareBytesMax)
        let empty = bytes
        bytes = []
        pending.withLock { $0.spare = empty }
    }

    /// Tells of lost lines, at every level: each was one that should have been written.
    private func report(_ dropped: Int) {
        guard dropped > 0, pending.withLock({ $0.unfinished.isEmpty }) else { return }
        let line = format.line(.warning, "log lines dropped", ["lines": .integer(dropped)])
        let written = writeAll(line)
        pending.withLock { pending in
            // Not at all: it is told later.
            guard written > 0 else { return }
            pending.dropped -= dropped
            pending.unfinished = Array(line[written...])
        }
    }

    /// A larger buffer is given back after a burst.
    private static let spareBytesMax = 1 << 20

    /// Writes whole lines, behind the rest of one that was cut; drops those that cannot be written, and
    /// returns how many.
    private func writeLines(_ lines: [UInt8]) -> Int {
        let rest = pending.withLock { $0.unfinished }
        let finished = writeAll(rest)
        let written = finished == rest.count ? writeAll(lines) : 0
        guard finished < rest.count || written < lines.count || !rest.isEmpty else { return 0 }
        let left = lines[written...]
        let isCut = written > 0 && lines[written - 1] != Self.lineEnd
        let cut = isCut ? left.prefix { $0 != Self.lineEnd } + [Self.lineEnd] : []
        let lost = left.dropFirst(cut.count).count { $0 == Self.lineEnd }
        pending.withLock { pending in
            pending.unfinished = Array(rest[finished...] + cut)
            pending.drop(lost)
        }
        return lost
    }

    private static let lineEnd = UInt8(ascii: "\n")

    /// Returns how much could be written. A reader who has no room yet is waited for, also when somebody
    /// else who has the same open file has made it non-blocking.
    private func writeAll(_ bytes: [UInt8]) -> Int {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.base, rest.count)
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN, awaitRoom() { continue }
                guard count > 0 else { break }
                rest = rest.dropFirst(count)
            }
            return buffer.count - rest.count
        }
    }

    /// False when it cannot be waited for.
    private func awaitRoom() -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&polled, 1, -1) > 0 || errno == EINTR
    }

    /// Seconds with six decimals.
    static func secondsText(_ span: Duration) -> String {
        let microseconds = max(0, span.nanoseconds / 1000)
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000)."
            + String(repeating: "0", count: 6 - fraction.count) + fraction
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// Where the slice begins; it is not empty.
    fileprivate var base: UnsafeRawPointer? {
        UnsafeRawBufferPointer(rebasing: self).baseAddress
    }
}
