// A real browser, and a foreign site for it to visit. All traffic stays on the loopback address.

import Foundation
import HTTPWire
import SocketServer
import TestSupport

/// Chromium without a window.
enum Browser {
    /// Every name of a foreign site resolves to this machine.
    static let foreignName = "evil.example"

    static func flags(_ folder: TemporaryFolder) -> [String] {
        [
            // The sandbox refuses to run as root.
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-extensions", "--no-proxy-server", "--user-data-dir=\(folder.url.path)",
            "--host-resolver-rules=MAP \(foreignName) 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ]
    }

    /// Opens an address and returns the document once its scripts have nothing left to do. Its time is
    /// virtual: it passes only while nothing is awaited from the network.
    static func document(at url: String) async throws -> String {
        let folder = try TemporaryFolder()
        let program = try Program(
            Prerequisite.program("chromium"),
            flags(folder) + ["--virtual-time-budget=4000", "--dump-dom", url],
            environment: ["HOME": folder.url.path])
        let code = try await program.exitCode(seconds: 300)
        guard code == 0, let start = program.text.range(of: "<html") else {
            throw Program.Failure(description: "chromium ended with \(code):\n\(program.text)")
        }
        return String(program.text[start.lowerBound...])
    }
}

/// A site with its own pages. It passes on all other requests, Host field included, as if its name
/// resolved to another machine from then on.
final class ForeignSite: RequestHandler {
    private let pages: [String: String]
    private let targetPort: Int

    private init(pages: [String: String], targetPort: Int) {
        self.pages = pages
        self.targetPort = targetPort
    }

    /// Runs `body` while the site runs. `pages`: bodies of documents by their paths.
    static func open<Result>(
        pages: [String: String], before targetPort: Int,
        _ body: (_ port: Int) async throws -> Result
    ) async throws -> Result {
        let site = ForeignSite(pages: pages, targetPort: targetPort)
        let server = try Server(ServerConfiguration(loops: 1), handler: site)
        server.start()
        defer { server.stop {} }
        return try await body(server.address.port)
    }

    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling {
        func text(_ range: Range<Int>) -> String {
            bytes.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
        let path = text(head.path)
        if let page = pages[path] {
            let type = Field(name: "Content-Type", value: "text/html")
            writer.write(Response(status: 200, fields: [type], body: Array(page.utf8)))
            return .answered
        }
        var lines = ["GET \(path) HTTP/1.1"]
        for field in head.fields { lines.append("\(text(field.name)): \(text(field.value))") }
        writer.write(passOn(lines.joined(separator: "\r\n") + "\r\n\r\n"))
        return .answered
    }

    private func passOn(_ request: String) -> Response {
        do {
            var client = try Client(port: targetPort)
            try client.send(request)
            let reply = try client.receive()
            return Response(status: reply.status, body: reply.body)
        } catch {
            return Response(status: 502)
        }
    }

    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool { false }
    func abandoned(_ exchange: Exchange) {}
}
