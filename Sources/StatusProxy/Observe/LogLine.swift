// Writes one log line in place, as JSON or text.

import HTTPWire
import StatusCore

/// One value of a log line.
enum LogValue: Sendable, ExpressibleByStringLiteral {
    case text(String)
    case integer(Int)
    case milliseconds(Duration)
    case absent

    init(stringLiteral text: String) { self = .text(text) }
    init(_ text: String?) { self = text.map(LogValue.text) ?? .absent }
    init(_ number: Int?) { self = number.map(LogValue.integer) ?? .absent }

    /// The largest number of bytes in a line.
    fileprivate var bytesMax: Int {
        switch self {
        case .text(let text): OutputCursor.textBytesMax(text.utf8.count)
        case .integer, .milliseconds: 32
        case .absent: 0
        }
    }
}

extension LogFormat {
    /// A whole line, its end included.
    func line(
        _ level: LogLevel, _ message: StaticString, _ values: KeyValuePairs<StaticString, LogValue>
    ) -> [UInt8] {
        let bytesMax = values.reduce(96 + message.utf8CodeUnitCount) {
            $0 + $1.key.utf8CodeUnitCount + 8 + $1.value.bytesMax
        }
        var clock = LineClock()
        let milliseconds = clock.tick()
        var line: [UInt8] = []
        line.append(bytesMax: bytesMax) { line in
            line.beginLine(clock, milliseconds, level, message, as: self)
            for (name, value) in values {
                switch value {
                case .text(let text):
                    var text = text
                    text.withUTF8 { line.member(name, text: $0.span, as: self) }
                case .integer(let number): line.member(name, number, as: self)
                case .milliseconds(let span):
                    line.member(name, nanoseconds: span.nanoseconds, as: self)
                case .absent: continue
                }
            }
            line.endLogLine(as: self)
        }
        return line
    }
}

/// The time for log lines; everything but the milliseconds is formatted once a second.
struct LineClock: Sendable {
    /// The time up to the decimal point.
    private(set) var text: [UInt8] = []
    private var second = Int64.min

    /// Reads the clock; returns the milliseconds in the second of `text`.
    mutating func tick() -> UInt64 {
        let now = SystemClock.coarseWall().milliseconds
        let whole = now / 1000
        if whole != second {
            second = whole
            let time = RFC3339.format(WallTime(milliseconds: whole * 1000))
            text = Array(time.utf8.dropLast("000Z".utf8.count))
        }
        return UInt64(now - whole * 1000)
    }
}

// MARK: - In place

extension OutputCursor {
    /// The largest number of bytes of a quoted text: six for each byte, and the quotes.
    static func textBytesMax(_ count: Int) -> Int { 6 * count + 2 }

    @inline(__always)
    mutating func beginLine(
        _ clock: borrowing LineClock, _ milliseconds: UInt64, _ level: LogLevel,
        _ message: StaticString, as format: LogFormat
    ) {
        if format == .json { append("{\"time\":\"") }
        append(clock.text.span)
        append(digits: milliseconds, count: 3)
        append(format == .json ? "Z\",\"level\":\"" : "Z ")
        append(level.name)
        append(format == .json ? "\",\"message\":\"" : " ")
        append(message)
        if format == .json { append("\"") }
    }

    @inline(__always)
    mutating func endLogLine(as format: LogFormat) {
        append(format == .json ? "}\n" : "\n")
    }

    @inline(__always)
    private mutating func name(_ name: StaticString, _ format: LogFormat) {
        append(format == .json ? ",\"" : " ")
        append(name)
        append(format == .json ? "\":" : "=")
    }

    @inline(__always)
    mutating func member(_ name: StaticString, _ number: Int, as format: LogFormat) {
        self.name(name, format)
        append(decimal: number)
    }

    /// In milliseconds, with three decimals.
    @inline(__always)
    mutating func member(_ name: StaticString, nanoseconds: Int64, as format: LogFormat) {
        self.name(name, format)
        append(milliseconds: nanoseconds)
    }

    @inline(__always)
    mutating func append(milliseconds nanoseconds: Int64) {
        let microseconds = UInt64(max(0, nanoseconds / 1000))
        append(decimal: Int(microseconds / 1000))
        append(".")
        append(digits: microseconds % 1000, count: 3)
    }

    /// Writes text from outside. In text lines, an ambiguous value is quoted. It never starts a new
    /// line or moves a terminal's cursor.
    mutating func member(_ name: StaticString, text: Span<UInt8>, as format: LogFormat) {
        self.name(name, format)
        switch Self.form(of: text) {
        case .plain where format == .text: append(text)
        case .plain, .spaced: quote(text)
        case .escaped: quoteScalars(text, format)
        }
    }

    private enum TextForm {
        /// Visible ASCII without quotes, backslashes and equals signs.
        case plain
        /// Needs quotes, but no escapes.
        case spaced
        case escaped
    }

    private static func form(of text: Span<UInt8>) -> TextForm {
        var form = text.isEmpty ? TextForm.spaced : .plain
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: " "), UInt8(ascii: "="): form = .spaced
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), 0..<0x20, 0x7F...: return .escaped
            default: break
            }
        }
        return form
    }

    private mutating func quote(_ text: Span<UInt8>) {
        append("\"")
        append(text)
        append("\"")
    }

    private mutating func quoteScalars(_ text: Span<UInt8>, _ format: LogFormat) {
        append("\"")
        let text = text.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                append("\\")
                append(String(scalar))
            case "\n": append("\\n")
            case _ where scalar.isDisruptive:
                append("\\u")
                let digits = String(scalar.value, radix: 16)
                append(String(repeating: "0", count: 4 - digits.count) + digits)
            default: append(String(scalar))
            }
        }
        append("\"")
    }
}

/// How important a log line is, and the form that lines have.
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
