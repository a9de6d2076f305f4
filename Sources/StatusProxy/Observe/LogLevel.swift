// How important a log line is, and the form that lines have.

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
