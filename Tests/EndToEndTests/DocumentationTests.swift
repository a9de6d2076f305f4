// Tries what the pages show callers: every example with the service, and every client until its action
// is done.

import Foundation
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(5)))
struct DocumentationTests {
    @Test(arguments: ["README.md", "docs/api.md"])
    func examplesAreAnsweredAsThePageShows(path: String) async throws {
        let world = try await World(sandbox: ["--pending", "2s"])
        let examples = try Page(path).examples
        #expect(examples.count >= 3)
        for example in examples {
            let command =
                "curl --no-progress-meter"
                + example.command.dropFirst("curl".count)
                .replacing("localhost:8080", with: "127.0.0.1:\(world.port)")
            let curl = try Program("/bin/sh", ["-c", command])
            try await expectEqual(curl.exitCode(), 0, "\(command): \(curl.text)")
            expect(curl.text, isAsShownBy: example)
        }
    }

    /// Status lines, event types and problem codes are the same; fields and members exist, with any
    /// value.
    private func expect(_ answer: String, isAsShownBy example: Page.Example) {
        #expect(!answer.isEmpty, "\(example.command)")
        let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false)
        for line in example.answer {
            let name = line.prefix { $0 != ":" }
            switch line {
            case _ where line.hasPrefix("HTTP/1.1 "):
                #expect(lines.first ?? "" == line, "\(example.command)")
            case _ where line.hasPrefix("event: "):
                #expect(answer.contains("\n\(line)\n"), "\(example.command): \(line)")
            case _ where name.wholeMatch(of: /[A-Z][A-Za-z-]+/) != nil && name != line[...]:
                #expect(lines.contains { $0.hasPrefix("\(name): ") }, "\(example.command): \(name)")
            default:
                for shown in line.matches(of: /"code":"[a-z-]+"|"[a-z_]+":/) {
                    #expect(answer.contains(shown.0), "\(example.command): \(shown.0)")
                }
            }
        }
    }

    @Test(arguments: PageClient.allCases)
    func clientFollowsAnActionToItsEnd(client: PageClient) async throws {
        let world = try await World(sandbox: ["--pending", "3s"])
        let states = try await client.follow("aa_face0000000000000a", at: world.port)
        expectEqual(states.last, "PARTIALLY_SUCCEEDED", "\(states)")
        #expect(client == .curl || states.first == "PENDING", "\(states)")
        #expect(try world.audit().vouchers.smallestGap ?? 2 >= 2)
    }

    /// It asks again after Retry-After, not sooner.
    @Test(arguments: PageClient.allCases)
    func clientGoesOnWhileANewbornIDReadsAs404(client: PageClient) async throws {
        let world = try await World()
        let newborn = "00000000-0000-4000-8000-000000038200"
        try await expectEqual(client.follow(newborn, at: world.port), ["SUCCEEDED"])
        let counts = try world.get("/metrics").text.split(separator: "\n")
        let notFound = counts.first {
            $0.hasPrefix(#"status_proxy_requests_total{route="/actions/{id}",code="404"}"#)
        }
        #expect(["2", "3"].contains(notFound?.split(separator: " ").last), "\(notFound ?? "")")
    }

    @Test(arguments: PageClient.allCases)
    func clientGivesUpOnItsOwnMistake(client: PageClient) async throws {
        // curl has no option for which failures to retry.
        guard client != .curl else { return }
        let world = try await World()
        let failure = await #expect(throws: Program.Failure.self) {
            try await client.follow("-no-id", at: world.port)
        }
        expectEqual(failure?.description.contains("invalid-id"), true)
    }
}

/// The clients that docs/api.md shows, by the headings above them.
enum PageClient: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case curl, python = "Python", go = "Go", java = "Java", javaScript = "JavaScript"

    var testDescription: String { rawValue }

    private var language: String { self == .curl ? "sh" : rawValue.lowercased() }

    /// The file for the block, and the program that runs it.
    private func command() throws -> (file: String, words: [String]) {
        switch self {
        case .curl: ("client.sh", [try Tool.path(of: "sh")])
        case .python: ("client.py", [try Tool.path(of: "python3")])
        case .go: ("client.go", [try Tool.path(of: "go"), "run"])
        case .java: ("Client.java", [try Tool.path(of: "java")] + GeneratorTools.quickStart)
        case .javaScript: ("client.mjs", [try Tool.path(of: "node")])
        }
    }

    /// Runs it until it ends, and returns the states that it has printed.
    func follow(_ id: String, at port: Int) async throws -> [String] {
        let folder = try TemporaryFolder()
        let (file, words) = try command()
        let block = try Page("docs/api.md").block(language, below: rawValue)
        let path = try folder.write(block.joined(separator: "\n"), to: file)
        let program = try Program(
            words[0], words.dropFirst() + [path, "http://127.0.0.1:\(port)", id],
            // Go keeps its build cache there.
            environment: ["HOME": folder.url.path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"],
            directory: folder.url)
        let code = try await program.exitCode(seconds: 120)
        guard code == 0 else { throw Program.Failure(description: program.text) }
        // curl prints the whole Action.
        return program.text.matches(
            of: /^[A-Z_]+$|"status":"([A-Z_]+)","done"/.anchorsMatchLineEndings()
        )
        .map { String($0.1 ?? $0.0) }
    }
}
