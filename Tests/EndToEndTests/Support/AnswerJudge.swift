// Programs that judge HTTP answers by the rules of HTTP: what each remarks on a service's answers.

import Foundation
import TestSupport
import Testing

/// A judge that `scripts/setup test` installs from PyPI.
enum AnswerJudge: String, Sendable {
    /// Reads what went over the connections.
    case httpolice = "HTTPolice"
    /// Sends the requests itself, and more to see what becomes of conditions, ranges and codings.
    case redbot = "REDbot"

    /// Has the service at `port` asked all of it, and returns the remarks, each with the request that it is
    /// about. Each answer must have its probe's status.
    func remarks(on probes: [Probe], port: Int) async throws -> [(remark: String, about: String)] {
        switch self {
        case .httpolice: try await Self.readByHTTPolice(probes, port)
        case .redbot: try await Self.askedByREDbot(probes, port)
        }
    }

    private static func run(_ name: String, _ arguments: [String]) async throws -> [Substring] {
        let program = try Program(
            Prerequisite.program(name, in: [Project.path(".build-tools/bin")]), arguments,
            environment: ["PYTHONUTF8": "1"])
        let code = try await program.exitCode(seconds: 300)
        guard code == 0 else { throw Program.Failure(description: program.text) }
        return program.text.split(separator: "\n")
    }

    // MARK: HTTPolice

    private static func readByHTTPolice(
        _ probes: [Probe], _ port: Int
    ) async throws -> [(remark: String, about: String)] {
        let folder = try TemporaryFolder()
        var streams: [String] = []
        for (number, probe) in probes.enumerated() {
            let fields = ["Host: localhost", "User-Agent: judge", "Connection: close"]
            let content = probe.method == "POST" ? ["Content-Length: 0"] : []
            let request = ["\(probe.method) \(probe.path) HTTP/1.1"] + fields + content
            let socket = try RawSocket(port: port)
            let sent = (request + probe.fields).map { "\($0)\r\n" }.joined() + "\r\n"
            try socket.send(sent)
            let answer = try socket.rest()
            let status = answer.dropFirst("HTTP/1.1 ".count).prefix(3)
            expectEqual(Array(status), Array("\(probe.status)".utf8), "\(probe)")
            streams.append(try folder.write(sent, to: "\(number).requests"))
            let file = folder.url.appendingPathComponent("\(number).answers")
            try Data(answer).write(to: file)
            streams.append(file.path)
        }
        // Remarks stand below the request or the answer that they are about: letter, number, words.
        var (request, isAnswer) = ("", false)
        var remarks: [(remark: String, about: String)] = []
        for line in try await run("httpolice", ["-i", "streams"] + streams) {
            let words = line.split(separator: " ", maxSplits: 2)
            try #require(words.count == 3, "\(line)")
            if line.hasPrefix("------------ ") {
                isAnswer = words[1] == "response:"
                if !isAnswer { request = String(words[2]) }
            } else if isAnswer {
                remarks.append((String(words[1]), "\(request): \(words[2])"))
            }
        }
        return remarks
    }

    // MARK: REDbot

    private static func askedByREDbot(
        _ probes: [Probe], _ port: Int
    ) async throws -> [(remark: String, about: String)] {
        _ = try Prerequisite.program("redbot", in: [Project.path(".build-tools/bin")])
        let questions = probes.map { probe in
            let first = "\(probe.method) http://127.0.0.1:\(port)\(probe.path)"
            return ([first] + probe.fields).joined(separator: "\n")
        }
        let script = Project.path("Tests/EndToEndTests/Clients/ask_redbot.py")
        var remarks: [(remark: String, about: String)] = []
        var answered = 0
        for line in try await run("python", [script] + questions) {
            let words = line.split(separator: " ", maxSplits: 1)
            let number = try #require(words.first.flatMap { Int($0) }, "\(line)")
            let probe = probes[number - 1]
            if number > answered {
                answered = number
                expectEqual(words.last, "\(probe.status)", "\(probe)")
            } else {
                remarks.append((String(words[1]), "\(probe)"))
            }
        }
        expectEqual(answered, probes.count)
        return remarks
    }
}
