// The content of an answer, for people and for scripts.

import StatusCore

/// The content of an answer, for people and for scripts.
struct ActionReport: Equatable {
    var exitCode: Int32
    var lines: [String]

    static let troubleCode: Int32 = 5

    /// The worst of several exit codes.
    static func worst(_ codes: [Int32]) -> Int32 {
        let order: [Int32] = [0, 3, 2, 1, 4, 5]
        return codes.max { order.firstIndex(of: $0) ?? 0 < order.firstIndex(of: $1) ?? 0 } ?? 0
    }
}

extension ActionReport {
    init(_ answer: ServerAnswer) {
        let json = answer.json
        guard answer.status == 200, let status = json["status"]?.string else {
            exitCode = answer.status == 404 ? 4 : Self.troubleCode
            let code = json["code"]?.string ?? "no problem code"
            lines = ["\(answer.status) \(code)"]
            if let detail = json["detail"]?.string { lines[0] += ": \(detail)" }
            if let seconds = json["retry_after"]?.integer {
                lines.append("ask again in \(seconds) s")
            }
            lines = lines.map(\.onOneLine)
            return
        }
        exitCode = Self.exitCode(status, isDone: json["done"] == .bool(true))
        let words = [json["source"], json["type"], json["status"]].compactMap { $0?.string }
        lines = [words.joined(separator: " ")]
        if let progress = json["progress"]?.integer { lines[0] += " \(progress)%" }
        for (name, label) in [("succeeded", "succeeded"), ("failed", "failed")] {
            guard let count = json["counts"]?[name]?.integer else { continue }
            lines.append("\(label): \(count)")
        }
        for error in json["errors"]?.array ?? [] { lines.append(Self.line(error)) }
        if let reason = json["stale_reason"]?.string {
            lines.append("stale since \(json["checked_at"]?.string ?? "?"): \(reason)")
        }
        lines = lines.map(\.onOneLine)
    }

    private static func exitCode(_ status: String, isDone: Bool) -> Int32 {
        guard isDone else { return 3 }
        switch status {
        case "SUCCEEDED": return 0
        case "FAILED": return 1
        case "PARTIALLY_SUCCEEDED": return 2
        // UNKNOWN, although done, must not be taken for success.
        default: return troubleCode
        }
    }

    private static func line(_ error: JSONValue) -> String {
        var line = "error \(error["code"]?.string ?? "")"
        if let message = error["message"]?.string { line += ": \(message)" }
        if let target = error["target"]?.string { line += " (\(target))" }
        return line
    }
}
