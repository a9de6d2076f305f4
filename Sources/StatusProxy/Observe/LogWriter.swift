// Writes log lines in batches, on another queue than the event loops.

import Dispatch
import Glibc
import Locking
import StatusCore

/// Collects lines and writes them to a descriptor, on its own queue.
///
/// Lines wait in memory up to ``pendingBytesMax``. When the reader of the log is too slow, or lines
/// cannot be written, for example to a full disk, lines are dropped and counted: the log never
/// delays a request. The rest of a partly written line is kept and written first.
final class LogWriter: Sendable {
    static let pendingBytesMax = 4 << 20
    /// How long lines are collected before they are written: a write for each line would cost more
    /// than its request.
    static let batchSpan = DispatchTimeInterval.milliseconds(50)
    /// The pause before the next attempt after a failed write.
    static let failedSpan = DispatchTimeInterval.seconds(1)
    /// The size at which a batch is written at once: under load the two alternating buffers stay
    /// small.
    static let batchBytes = 256 << 10

    let level: LogLevel
    let format: LogFormat
    private let descriptor: Int32
    private let queue = DispatchQueue(label: "status-proxy.log", qos: .utility)
    private let pending = Guarded(Pending())
    /// Ticks while there are lines. Created once, like `call`: a closure for each batch would be
    /// allocated on the heap. `nonisolated(unsafe)`: Dispatch's sources are safe from any thread.
    private nonisolated(unsafe) let ticks: any DispatchSourceTimer
    /// Causes a full batch to be written at once.
    private nonisolated(unsafe) let call: any DispatchSourceUserDataAdd

    private struct Pending {
        var bytes: [UInt8] = []
        /// The other one of two alternating buffers.
        var spare: [UInt8] = []
        /// Lost lines that have not been reported yet.
        var dropped = 0
        var droppedEver = 0
        /// The rest of a partly written line.
        var unfinished: [UInt8] = []
        var isTicking = false
        var isCalled = false

        var isEmpty: Bool { bytes.isEmpty && dropped == 0 && unfinished.isEmpty }

        /// Whether the last write left something over.
        var hasFailed: Bool { dropped > 0 || !unfinished.isEmpty }

        mutating func drop(_ lines: Int) {
            dropped += lines
            droppedEver += lines
        }

        /// Adds a line; returns the source that has to be triggered for it.
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

    /// The number of lines lost since the start.
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

    /// Appends a whole line, its end included. The caller has checked the level.
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

    /// Writes, or stops ticking if there was no line since the last tick.
    private func tick() {
        guard pending.withLock({ $0.isEmpty }) else {
            write()
            if pending.withLock({ $0.hasFailed }) {
                ticks.schedule(deadline: .now() + Self.failedSpan, repeating: Self.batchSpan)
            }
            return
        }
        ticks.schedule(deadline: .distantFuture)
        // A line that was added in between relies on the ticks.
        let isOver = pending.withLock { pending in
            pending.isTicking = !pending.isEmpty
            return pending.isEmpty
        }
        if !isOver { startTicks() }
    }

    /// Returns when everything logged so far is written, or when `patience` is over: a stuck log
    /// must not prevent the process from ending.
    func flush(patience: Duration = .seconds(1)) {
        let written = DispatchSemaphore(value: 0)
        queue.async {
            self.write()
            written.signal()
        }
        _ = written.wait(timeout: .now() + .nanoseconds(Int(patience.nanoseconds)))
    }

    private func write() {
        // The report follows the lines that were pending when lines were dropped, not later ones.
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

    /// Reports lost lines, at every log level.
    private func report(_ dropped: Int) {
        guard dropped > 0, pending.withLock({ $0.unfinished.isEmpty }) else { return }
        let line = format.line(.warning, "log lines dropped", ["lines": .integer(dropped)])
        let written = writeAll(line)
        pending.withLock { pending in
            // If nothing was written, it is reported later.
            guard written > 0 else { return }
            pending.dropped -= dropped
            pending.unfinished = Array(line[written...])
        }
    }

    /// A larger buffer is freed after a burst.
    private static let spareBytesMax = 1 << 20

    /// Writes whole lines, after the rest of a partly written one; drops lines that cannot be
    /// written, and returns their number.
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

    /// Returns the number of bytes written. Waits for a slow reader, even if another process has
    /// made the open file non-blocking.
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

    /// Waits until the descriptor is writable; false if that is not possible.
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
    /// The address of the first byte; the slice must not be empty.
    fileprivate var base: UnsafeRawPointer? {
        UnsafeRawBufferPointer(rebasing: self).baseAddress
    }
}
