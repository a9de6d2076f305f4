// Runs the corpus of answers against the real program over real sockets.

import Foundation
import TestSupport
import Testing

/// One file of the corpus.
struct AnswerFile: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var cases: [CorpusCase]

    static let all = Dictionary(
        grouping: CorpusCase.all(in: .module), by: { String($0.name.prefix { $0 != ":" }) }
    ).map { AnswerFile(testDescription: $0, cases: $1) }

    var settings: [String: String] {
        guard testDescription == "answers-keys" else { return [:] }
        return ["CALLER_KEYS_FILE": Project.path("Tests/EndToEndTests/Corpus/caller-keys")]
    }
}

@Suite(.blocking, .timeLimit(.minutes(5)))
struct AnswerCorpusTests {
    @Test(arguments: AnswerFile.all)
    func everyCaseIsAnsweredAsItsFileSays(_ file: AnswerFile) async throws {
        let world = try await World(file.settings)
        for round in ["first", "second"] {
            for answerCase in file.cases {
                let faults = try Self.faults(of: answerCase, port: world.port)
                #expect(faults.isEmpty, "\(answerCase.name), \(round) round: \(faults)")
            }
        }
    }

    @Test func corpusOfAnswersIsComplete() {
        let cases = AnswerFile.all.flatMap(\.cases)
        #expect(cases.count >= 60)
        expectEqual(Set(cases.map(\.name)).count, cases.count)
    }

    /// Checks after the case's own requests whether the connection still answers.
    private static let probe = "GET /livez HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"

    private static func faults(of answerCase: CorpusCase, port: Int) throws -> [String] {
        guard let end = answerCase.expected.last, end == "open" || end == "closed" else {
            return ["the last line is neither open nor closed"]
        }
        var expected = ExpectedAnswer.read(answerCase.expected.dropLast())
        let socket = try RawSocket(port: port)
        try socket.send(answerCase.input[...])
        if answerCase.inputEnds { socket.endSending() }
        if end == "open" {
            try socket.send(probe)
            expected.append(ExpectedAnswer("HTTP/1.1 200 OK"))
        }
        return ExpectedAnswer.faults(of: try socket.rest(), expected: expected)
    }
}
