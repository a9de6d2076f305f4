// Compares the answers that the corpus describes with the bytes received.

import TestSupport

/// One answer as a case of the corpus describes it.
struct ExpectedAnswer: Sendable {
    private let statusLine: String
    private var fields: [(name: String, pattern: String)] = []
    private var absent: [String] = []
    private var content = "*"
    /// Whether the answer ends with its head, whatever its fields say.
    private var isHeadOnly: Bool
    private var hasFieldsAsBefore = false

    init(_ statusLine: String) {
        self.statusLine = statusLine
        isHeadOnly = statusLine.hasPrefix("HTTP/1.1 1")
    }

    static func read(_ lines: ArraySlice<String>) -> [ExpectedAnswer] {
        var answers: [ExpectedAnswer] = []
        for line in lines {
            if line.hasPrefix("HTTP/") {
                answers.append(ExpectedAnswer(line))
            } else if !answers.isEmpty {
                answers[answers.count - 1].add(line)
            }
        }
        return answers
    }

    private mutating func add(_ line: String) {
        if line == "no content" {
            isHeadOnly = true
        } else if line == "fields as before" {
            hasFieldsAsBefore = true
        } else if line.hasPrefix("content ") {
            content = String(line.dropFirst("content ".count))
        } else if line.hasPrefix("without ") {
            absent.append(line.dropFirst("without ".count).lowercased())
        } else {
            let halves = line.split(separator: ": ", maxSplits: 1).map(String.init)
            fields.append((halves[0].lowercased(), halves.count > 1 ? halves[1] : ""))
        }
    }

    // MARK: Against what came

    /// The differences, in words; empty if `bytes` are exactly those answers.
    static func faults(of bytes: [UInt8], expected: [ExpectedAnswer]) -> [String] {
        var rest = bytes[...]
        var before: ReceivedAnswer?
        for (index, answer) in expected.enumerated() {
            guard let received = ReceivedAnswer(&rest, isHeadOnly: answer.isHeadOnly) else {
                return ["answer \(index + 1) is missing or cut: \(Escapes.text(Array(rest)))"]
            }
            let faults = answer.faults(of: received, before: before)
            guard faults.isEmpty else { return faults.map { "answer \(index + 1): \($0)" } }
            before = received
        }
        return rest.isEmpty ? [] : ["more came: \(Escapes.text(Array(rest)))"]
    }

    private func faults(of received: ReceivedAnswer, before: ReceivedAnswer?) -> [String] {
        var faults: [String] = []
        if received.statusLine != statusLine { faults.append(received.statusLine) }
        for (name, pattern) in fields {
            let values = received.values(of: name)
            if values.count != 1 || !values[0].matches(pattern: pattern) {
                faults.append("\(name) is \(values)")
            }
        }
        for name in absent where !received.values(of: name).isEmpty {
            faults.append("\(name) is there")
        }
        if !received.content.matches(pattern: content) {
            faults.append("the content is \(received.content)")
        }
        if hasFieldsAsBefore, let before {
            let steady = ["content-length", "content-type", "etag"]
            if received.fields.map(\.name) != before.fields.map(\.name)
                || steady.contains(where: { received.values(of: $0) != before.values(of: $0) })
            {
                faults.append("the fields are \(received.fields), before: \(before.fields)")
            }
        }
        return faults
    }
}

/// One answer parsed from the bytes.
private struct ReceivedAnswer {
    let statusLine: String
    /// Names in lower case, in the order of arrival.
    let fields: [(name: String, value: String)]
    /// Without transfer coding.
    let content: String

    /// Removes the first answer from `bytes`; nil if it is incomplete.
    init?(_ bytes: inout ArraySlice<UInt8>, isHeadOnly: Bool) {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        var lines = Escapes.text(Array(bytes[..<end.lowerBound])).split(separator: "\r\n")
        statusLine = lines.isEmpty ? "" : String(lines.removeFirst())
        fields = lines.map { line in
            let halves = line.split(separator: ":", maxSplits: 1).map(String.init)
            return (halves[0].lowercased(), halves.count > 1 ? String(halves[1].dropFirst()) : "")
        }
        bytes = bytes[end.upperBound...]
        guard !isHeadOnly, !statusLine.contains(" 204 "), !statusLine.contains(" 304 ") else {
            content = ""
            return
        }
        let length = fields.first { $0.name == "content-length" }.flatMap { Int($0.value) }
        if fields.contains(where: { $0 == ("transfer-encoding", "chunked") }) {
            guard let chunks = Self.takeChunks(&bytes) else { return nil }
            content = Escapes.text(chunks)
        } else {
            // Without a length the content continues to the end of the connection.
            guard bytes.count >= length ?? 0 else { return nil }
            content = Escapes.text(Array(bytes.prefix(length ?? bytes.count)))
            bytes = bytes.dropFirst(length ?? bytes.count)
        }
    }

    func values(of name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    private static func takeChunks(_ bytes: inout ArraySlice<UInt8>) -> [UInt8]? {
        var content: [UInt8] = []
        while let line = bytes.firstRange(of: [13, 10]),
            let size = Int(Escapes.text(Array(bytes[..<line.lowerBound])), radix: 16),
            bytes[line.upperBound...].count >= size + 2
        {
            content += bytes[line.upperBound...].prefix(size)
            bytes = bytes[line.upperBound...].dropFirst(size + 2)
            if size == 0 { return content }
        }
        return nil
    }
}

extension String {
    /// Whether this matches the pattern, in which each `*` stands for any text.
    fileprivate func matches(pattern: String) -> Bool {
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard let first = parts.first, let last = parts.last, parts.count > 1 else {
            return self == pattern
        }
        guard hasPrefix(first) else { return false }
        var rest = dropFirst(first.count)
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(last)
    }
}
