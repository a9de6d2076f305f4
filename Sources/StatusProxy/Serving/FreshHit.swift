// The hot path: a plain GET of one action that stands on the board, answered in the loop's own
// handler without a heap allocation. Everything it does is done elsewhere too, more readably; here it
// is done on bytes, and with storage that is used again.

import Glibc
import HTTPWire
import Locking
import SocketServer
import StatusAPI
import StatusCore

/// Answers, logs and counts fresh hits.
final class FreshHit: Sendable {
    private let board: AnswerBoard
    private let callers: CallerGate?
    private let log: LogWriter
    private let metrics: Metrics
    /// One per loop, so that a lane's lock is never waited for.
    private let lanes: [Guarded<Lane>]

    init(
        board: AnswerBoard, callers: CallerGate?, log: LogWriter, metrics: Metrics, lanes: Int
    ) {
        self.board = board
        self.callers = callers
        self.log = log
        self.metrics = metrics
        self.lanes = (0..<lanes).map { _ in Guarded(Lane()) }
    }

    /// Answers if it can; false: the request wants the readable way.
    func answer(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Bool {
        guard writer.wantsContent, head.method == .get, head.form == .origin, head.query == nil,
            log.format == .json,
            let id = Self.plainID(at: head.path, in: bytes), Self.isUnconditional(head, bytes)
        else { return false }
        let startedAt = SystemClock.now()
        guard let found = board.answer(for: bytes.extracting(id), now: startedAt) else {
            return false
        }
        // Last, since it uses up quota. Who is not let in is told so in the readable way.
        var caller: KeyHolder?
        if let callers {
            guard let key = BearerKey.find(in: head, bytes),
                case .admitted(let known) = callers.admit(
                    bytes.extracting(key), now: startedAt, lane: exchange.loopIndex)
            else { return false }
            caller = known
        }
        let trace = bytes.extracting(Self.traceID(head, bytes))
        serve(found, startedAt, caller, trace, exchange.loopIndex, &writer)
        return true
    }

    /// The id in `/actions/{id}`, as it came. An encoded one is not found on the board as it is.
    private static func plainID(at path: Range<Int>, in bytes: Span<UInt8>) -> Range<Int>? {
        let prefix: StaticString = "/actions/"
        let start = path.lowerBound + prefix.utf8CodeUnitCount
        guard start < path.upperBound, path.upperBound - start <= ActionID.bytesMax else {
            return nil
        }
        for offset in 0..<prefix.utf8CodeUnitCount
        where bytes[path.lowerBound + offset] != prefix.utf8Start[offset] {
            return nil
        }
        return start..<path.upperBound
    }

    /// No field that changes the answer, or names the request.
    private static func isUnconditional(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Bool {
        head.firstValue(of: "if-none-match", in: bytes) == nil
            && head.firstValue(of: "if-match", in: bytes) == nil
            && head.firstValue(of: "prefer", in: bytes) == nil
            && head.firstValue(of: "x-request-id", in: bytes) == nil
            && mayWantJSON(head, bytes)
    }

    /// No Accept has room for the name of event streams; whether it stands there is read elsewhere.
    private static func mayWantJSON(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Bool {
        let events: StaticString = "text/event-stream"
        var isShort = true
        head.forEachValue(of: "accept", in: bytes) {
            isShort = isShort && $0.count < events.utf8CodeUnitCount
        }
        return isShort
    }

    /// Where the id of the request's trace stands; empty without one.
    private static func traceID(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Range<Int> {
        guard head.count(of: "traceparent", in: bytes) == 1,
            let value = head.firstValue(of: "traceparent", in: bytes),
            let id = TraceParent.traceID(in: bytes.extracting(value))
        else { return 0..<0 }
        return value.lowerBound + id.lowerBound..<value.lowerBound + id.upperBound
    }

    private func serve(
        _ found: BoardedAnswer, _ startedAt: Instant, _ caller: KeyHolder?,
        _ trace: Span<UInt8>, _ laneIndex: Int, _ writer: inout ResponseWriter
    ) {
        lanes[laneIndex].withLock { lane in
            let requestID = lane.requestIDs.next()
            found.rendered.writePlain(now: startedAt, requestID: requestID, into: &writer)
            // Plain numbers: `Duration` counts in 128 bits.
            let took = SystemClock.now().nanoseconds - startedAt.nanoseconds
            metrics.countHit(isStale: found.isStale, nanoseconds: took, lane: laneIndex)
            guard log.level <= .info else { return }
            lane.writeLine(requestID, took, isStale: found.isStale, found.source, caller, trace)
            log.append(lane.line.span)
        }
    }
}

/// What one loop uses again and again.
private struct Lane: Sendable {
    var line: [UInt8] = []
    var requestIDs = RequestIDs()
    var clock = LineClock()

    /// The same line as ``RequestJournal`` writes for other requests.
    mutating func writeLine(
        _ requestID: UInt64, _ nanoseconds: Int64, isStale: Bool, _ source: Source,
        _ caller: KeyHolder?, _ trace: Span<UInt8>
    ) {
        line.removeAll(keepingCapacity: true)
        let milliseconds = clock.tick()
        let clock = clock
        line.append(bytesMax: Self.lineBytesMax) { line in
            line.append("{\"time\":\"")
            line.append(clock.text.span)
            line.append(digits: milliseconds, count: 3)
            line.append("Z\",\"level\":\"info\",\"message\":\"request\",\"request_id\":\"")
            line.append(hexadecimal: requestID)
            line.append("\",\"method\":\"GET\",\"route\":\"/actions/{id}\",\"status\":200")
            line.append(",\"duration\":")
            let microseconds = UInt64(max(0, nanoseconds / 1000))
            line.append(decimal: Int(microseconds / 1_000_000))
            line.append(".")
            line.append(digits: microseconds % 1_000_000, count: 6)
            line.append(isStale ? ",\"cache\":\"stale\"" : ",\"cache\":\"hit\"")
            line.append(
                source == .orders ? ",\"source\":\"orders\"" : ",\"source\":\"vouchers\"")
            if !trace.isEmpty {
                line.append(",\"trace_id\":\"")
                line.append(trace)
                line.append("\"")
            }
            if let caller {
                let name = caller.nameBytes
                line.append(",\"caller\":\"")
                line.append(name.span)
                line.append("\"")
            }
            line.append("}\n")
        }
    }

    private static let lineBytesMax = 400 + CallerKeys.nameBytesMax
}

/// Makes request ids: unlike each other, without a look at the system's randomness for each.
struct RequestIDs: Sendable {
    private var state = UInt64.random(in: .min ... .max)

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        let mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        return mixed ^ (mixed >> 27)
    }
}

/// The time of day for log lines; all but the milliseconds is made once a second.
struct LineClock: Sendable {
    /// Up to the point before the fraction.
    private(set) var text: [UInt8] = []
    private var second = Int.min

    /// Reads the clock; returns the milliseconds of the second that `text` tells.
    mutating func tick() -> UInt64 {
        var time = timespec()
        _ = clock_gettime(CLOCK_REALTIME_COARSE, &time)
        if time.tv_sec != second {
            second = time.tv_sec
            let whole = RFC3339.format(WallTime(milliseconds: Int64(second) * 1000))
            text = Array(whole.utf8.dropLast("000Z".utf8.count))
        }
        return UInt64(time.tv_nsec / 1_000_000)
    }
}
