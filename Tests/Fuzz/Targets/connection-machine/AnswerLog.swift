// Reads the answers' bytes as a client would, and compares them with the intended answers.

import HTTPWire

/// The answers of one connection.
struct AnswerLog {
    private enum Expected {
        case interim
        case final(AnswerShape, status: Int, body: [UInt8])
    }

    private var expected: [Expected] = []
    /// Final answers only; known after `check`.
    private(set) var finalBytes: [UInt8] = []

    mutating func expectContinue() { expected.append(.interim) }

    mutating func expect(_ shape: AnswerShape, _ status: Int, _ body: [UInt8]) {
        expected.append(.final(shape, status: status, body: body))
    }

    mutating func check(_ output: [UInt8]) {
        var rest = output[...]
        for answer in expected {
            let start = rest.startIndex
            switch answer {
            case .interim: checkInterim(&rest)
            case .final(let shape, let status, let body):
                checkFinal(&rest, shape, status, body)
                finalBytes += output[start..<rest.startIndex]
            }
        }
        require(rest.isEmpty, "\(rest.count) bytes after the last answer")
    }

    // MARK: One answer

    private func checkInterim(_ rest: inout ArraySlice<UInt8>) {
        let (status, fields) = readHead(&rest)
        require(status == 100 && fields.isEmpty, "no 100")
    }

    private func checkFinal(
        _ rest: inout ArraySlice<UInt8>, _ shape: AnswerShape, _ status: Int, _ body: [UInt8]
    ) {
        let (written, fields) = readHead(&rest)
        require(written == status, "status \(written), meant was \(status)")
        func values(_ name: String) -> [String] {
            fields.filter { $0.name == name }.map { String(decoding: $0.value, as: UTF8.self) }
        }
        require(values("Date").count == 1, "no Date, or more than one")
        let kept = shape.version == .http10 ? ["keep-alive"] : []
        let connection = values("Connection")
        require(connection == (shape.keepAlive ? kept : ["close"]), "Connection: \(connection)")
        let isBare = status == 204 || status == 304
        require(values("Content-Length") == (isBare ? [] : [String(body.count)]), "a length")
        guard !isBare, !shape.isHead else { return }
        require(rest.starts(with: body), "another body")
        rest = rest.dropFirst(body.count)
    }

    // MARK: Lines

    private func readHead(
        _ rest: inout ArraySlice<UInt8>
    ) -> (status: Int, fields: [(name: String, value: [UInt8])]) {
        let statusLine = readLine(&rest)
        require(statusLine.starts(with: "HTTP/1.1 ".utf8), "a status line")
        let status = Int(String(decoding: statusLine.dropFirst(9).prefix(3), as: UTF8.self)) ?? 0
        require(statusLine.dropFirst(12).first == 32, "no space after the status")
        var fields: [(String, [UInt8])] = []
        while true {
            let line = readLine(&rest)
            if line.isEmpty { return (status, fields) }
            let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.startIndex
            require(colon > line.startIndex, "a field without a name")
            require(line[(colon + 1)...].first == 32, "no space after the colon")
            let name = String(decoding: line[..<colon], as: UTF8.self)
            fields.append((name, Array(line[(colon + 2)...])))
        }
    }

    /// Up to CR LF; neither may stand alone, nor NUL anywhere.
    private func readLine(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let end = rest.firstIndex(where: { $0 == 13 || $0 == 10 || $0 == 0 }) else {
            fatalError("an answer that does not end")
        }
        require(rest[end...].starts(with: [13, 10]), "a bare \(rest[end]) in an answer")
        defer { rest = rest[(end + 2)...] }
        return rest[..<end]
    }
}
