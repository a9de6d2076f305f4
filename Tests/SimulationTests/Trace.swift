// The last events of a run in words; silent unless requested.

@testable import StatusCore

/// Keeps the last lines.
struct Trace {
    var isOn: Bool
    private var lines: [String] = []
    static let linesMax = 80

    init(isOn: Bool) { self.isOn = isOn }

    mutating func note(_ now: Instant, _ line: @autoclosure () -> String) {
        guard isOn else { return }
        let milliseconds = (now - .simulationStart).nanoseconds / 1_000_000
        lines.append("\(milliseconds) ms  \(line())")
    }

    var wholeText: String { lines.joined(separator: "\n") }

    var text: String { lines.suffix(Self.linesMax).joined(separator: "\n") }
}
