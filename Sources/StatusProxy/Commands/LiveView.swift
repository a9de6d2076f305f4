// The progress of actions on a terminal: a line for each, redrawn in place.

import Dispatch
import Glibc
import Locking
import StatusCore

/// Lines that are updated during a wait. Safe from any thread.
final class LiveView: Sendable {
    static let redrawSpan = DispatchTimeInterval.milliseconds(250)

    private struct State: Sendable {
        var lines: [LiveLine]
        /// The number of lines on the terminal now.
        var drawn = 0
    }

    private let state: Guarded<State>
    private let hasColors: Bool

    /// Nil when standard output is no terminal, or a terminal that cannot move its cursor.
    init?(_ ids: [String], environment: [String: String]) {
        guard isatty(STDOUT_FILENO) == 1, environment["TERM"] != "dumb" else { return nil }
        // https://no-color.org: set and not empty.
        hasColors = environment["NO_COLOR"]?.isEmpty ?? true
        let now = SystemClock.now()
        state = Guarded(State(lines: ids.map { LiveLine(id: $0, since: now) }))
    }

    func show(_ answer: ServerAnswer, at index: Int) {
        state.withLock { $0.lines[index].take(answer) }
    }

    func draw() {
        let (columns, rows) = Self.size
        let now = SystemClock.now()
        let text = state.withLock { state in
            // If not all lines fit, finished actions are left out first.
            let all = state.lines
            let shown = all.count < rows ? all : all.filter { !$0.isDone } + all.filter(\.isDone)
            let lines = shown.prefix(max(1, rows - 1)).map {
                $0.text(columns: columns, colors: hasColors, now: now)
            }
            defer { state.drawn = lines.count }
            return Self.back(state.drawn) + lines.map { $0 + "\u{1B}[K\n" }.joined()
        }
        Self.write(text)
    }

    /// Removes the lines before the final output.
    func erase() {
        Self.write(
            state.withLock { state in
                defer { state.drawn = 0 }
                return Self.back(state.drawn)
            })
    }

    private static func back(_ lines: Int) -> String {
        lines > 0 ? "\u{1B}[\(lines)A\u{1B}[J" : ""
    }

    private static func write(_ text: String) {
        fflush(nil)
        _ = text.withCString { Glibc.write(STDOUT_FILENO, $0, strlen($0)) }
    }

    private static var size: (columns: Int, rows: Int) {
        var size = winsize()
        let code = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
        guard code == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}

/// One action's line: its id, a progress bar, its status, and the seconds waited.
struct LiveLine: Sendable {
    let id: String
    let since: Instant
    private(set) var isDone = false
    private var status = "…"
    private var progress: Int64?
    private var doneAt: Instant?

    private static let barCells = 20

    init(id: String, since: Instant) {
        self.id = id
        self.since = since
    }

    mutating func take(_ answer: ServerAnswer) {
        let json = answer.json
        guard answer.status == 200, let status = json["status"]?.string else {
            status = "\(answer.status) \(json["code"]?.string ?? "")".onOneLine
            return
        }
        self.status = status.onOneLine
        if json["stale"] == .bool(true), let reason = json["stale_reason"]?.string {
            self.status += " (\(reason.onOneLine))"
        }
        progress = json["progress"]?.integer.map { min(max($0, 0), 100) }
        isDone = json["done"] == .bool(true)
        if isDone { doneAt = doneAt ?? SystemClock.now() }
    }

    func text(columns: Int, colors: Bool, now: Instant) -> String {
        let seconds = ((doneAt ?? now) - since).nanoseconds / 1_000_000_000
        let plain = "\(id)  \(bar)  \(status)  \(seconds) s"
        // A line that wraps would not be erased.
        guard plain.unicodeScalars.count < columns else {
            return String(plain.unicodeScalars.prefix(max(0, columns - 1)))
        }
        guard colors, let color else { return plain }
        return "\(id)  \(bar)  \u{1B}[\(color)m\(status)\u{1B}[0m  \(seconds) s"
    }

    private var bar: String {
        guard let progress else { return String(repeating: " ", count: Self.barCells + 7) }
        let cells = Int(progress) * Self.barCells / 100
        let percent = String(progress)
        return "[" + String(repeating: "#", count: cells)
            + String(repeating: ".", count: Self.barCells - cells) + "] "
            + String(repeating: " ", count: 3 - percent.count) + percent + "%"
    }

    /// Green, yellow or red, by outcome.
    private var color: String? {
        switch status {
        case "SUCCEEDED": "32"
        case "PARTIALLY_SUCCEEDED": "33"
        case "FAILED": "31"
        default: nil
        }
    }
}
