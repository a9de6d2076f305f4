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
    private let browsers: BrowserPolicy
    private let caches: CacheScope
    private let log: LogWriter
    /// One per loop, so that a lane's lock is never waited for.
    private let lanes: [Guarded<Lane>]

    init(
        board: AnswerBoard, callers: CallerGate?, browsers: BrowserPolicy, caches: CacheScope,
        log: LogWriter, lanes: Int
    ) {
        self.board = board
        self.callers = callers
        self.browsers = browsers
        self.caches = caches
        self.log = log
        self.lanes = (0..<lanes).map { _ in Guarded(Lane()) }
    }

    /// The hits of all lanes.
    var counts: HitCounts {
        lanes.reduce(into: HitCounts()) { sum, lane in sum.add(lane.withLock { $0.hits }) }
    }

    /// Answers if it can; false: the request wants the readable way.
    func answer(
        _ head: borrowing RequestHead, _ bytes: Span<UInt8>, _ exchange: Exchange,
        _ writer: inout ResponseWriter
    ) -> Bool {
        guard writer.wantsContent, head.method == .get, head.form == .origin, head.query == nil,
            log.format == .json,
            !head.hasBrowserMark || browsers.refusal(of: head, bytes) == nil,
            let id = Self.plainID(at: head.path, in: bytes), let fields = PlainFields(head, bytes)
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
        let trace = bytes.extracting(fields.traceID(in: bytes))
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

    private func serve(
        _ found: BoardedAnswer, _ startedAt: Instant, _ caller: KeyHolder?,
        _ trace: Span<UInt8>, _ laneIndex: Int, _ writer: inout ResponseWriter
    ) {
        lanes[laneIndex].withLock { lane in
            let requestID = lane.requestIDs.next()
            found.rendered.writePlain(
                now: startedAt, requestID: requestID, for: caches, into: &writer)
            // Plain numbers: `Duration` counts in 128 bits.
            let took = SystemClock.now().nanoseconds - startedAt.nanoseconds
            lane.hits.count(isStale: found.isStale, nanoseconds: took)
            guard log.level <= .info else { return }
            let lineBytes = lane.writeLine(
                requestID, took, isStale: found.isStale, found.source, caller, trace)
            log.append(lane.line.span.extracting(first: lineBytes))
        }
    }
}

/// The fields of a request without one that changes the answer, or names the request.
private struct PlainFields {
    /// Where the value of the only traceparent stands; more than one are none.
    private var trace: Range<Int>?

    /// Nil: the request wants the readable way.
    init?(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
        var traces = 0
        for index in head.fields.indices {
            let field = head.fields[index]
            // Most names have a length of their own.
            switch field.name.count {
            case 6 where field.isNamed("accept", in: bytes):
                guard Self.mayWantJSON(field.value) else { return nil }
            case 6 where field.isNamed("prefer", in: bytes),
                8 where field.isNamed("if-match", in: bytes),
                12 where field.isNamed("x-request-id", in: bytes),
                13 where field.isNamed("if-none-match", in: bytes):
                return nil
            case 11 where field.isNamed("traceparent", in: bytes):
                traces += 1
                trace = traces == 1 ? field.value : nil
            default: break
            }
        }
    }

    /// No Accept has room for the name of event streams; whether it stands there is read elsewhere.
    private static func mayWantJSON(_ accept: Range<Int>) -> Bool {
        let events: StaticString = "text/event-stream"
        return accept.count < events.utf8CodeUnitCount
    }

    /// Where the id of the request's trace stands; empty without one.
    func traceID(in bytes: Span<UInt8>) -> Range<Int> {
        guard let trace, let id = TraceParent.traceID(in: bytes.extracting(trace)) else {
            return 0..<0
        }
        return trace.lowerBound + id.lowerBound..<trace.lowerBound + id.upperBound
    }
}

/// What one loop uses again and again.
private struct Lane: Sendable {
    /// Written over by each hit, since to empty an array costs more.
    private(set) var line = [UInt8](repeating: 0, count: Self.lineBytesMax)
    var requestIDs = RequestIDs()
    var hits = HitCounts()
    private var clock = LineClock()

    /// Writes the same line as ``RequestJournal`` does for other requests; returns its length.
    mutating func writeLine(
        _ requestID: UInt64, _ nanoseconds: Int64, isStale: Bool, _ source: Source,
        _ caller: KeyHolder?, _ trace: Span<UInt8>
    ) -> Int {
        let milliseconds = clock.tick()
        let time = clock.text
        return line.overwrite { line in
            line.append("{\"time\":\"")
            line.append(time.span)
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
