// Where the health check looks for the server, and how it reads the answer.

import TestSupport
import Testing

@testable import StatusProxy

struct HealthProbeTests {
    private func place(
        _ url: String?, _ environment: [String: String] = [:]
    ) throws -> ServerPlace {
        try ServerPlace(url: url, environment: environment)
    }

    @Test(arguments: [
        ("http://127.0.0.1:8080", ServerPlace.tcp(host: "127.0.0.1", port: "8080")),
        ("http://localhost", .tcp(host: "localhost", port: "80")),
        ("http://localhost:9000/", .tcp(host: "localhost", port: "9000")),
        ("http://localhost:9000/livez", .tcp(host: "localhost", port: "9000")),
        ("http://[::1]:8080", .tcp(host: "::1", port: "8080")),
        ("http://[::1]", .tcp(host: "::1", port: "80")),
        ("unix:/run/proxy.sock", .unix(path: "/run/proxy.sock")),
    ])
    func placeIsReadFromAURL(url: String, expected: ServerPlace) throws {
        try expectEqual(place(url), expected)
        try expectEqual(place(nil, ["STATUS_PROXY_URL": url]), expected)
    }

    @Test(arguments: [
        "", "localhost:8080", "https://localhost", "http://", "http://:8080", "http:///livez",
        "http://[::1", "http://[]:80", "http://[::1]8080", "http://localhost:", "http://h:0",
        "http://h:65536", "http://h:-1", "http://h:http", "http://h:80:80", "unix:",
    ])
    func otherTextIsNotAPlace(url: String) throws {
        let failure = try #require(throws: ProbeFailure.self) { try place(url) }
        #expect(failure.description.contains("'\(url)'"))
        #expect(failure.description.contains("like http://127.0.0.1:8080"))
    }

    @Test(arguments: [
        ([:], ServerPlace.tcp(host: "127.0.0.1", port: "8080")),
        (["LISTEN_PORT": "9000"], .tcp(host: "127.0.0.1", port: "9000")),
        (["LISTEN_HOST": "proxy.internal"], .tcp(host: "proxy.internal", port: "8080")),
        (["LISTEN_HOST": "0.0.0.0"], .tcp(host: "127.0.0.1", port: "8080")),
        (["LISTEN_HOST": "::"], .tcp(host: "::1", port: "8080")),
        (["LISTEN_HOST": "[::]"], .tcp(host: "::1", port: "8080")),
        (["LISTEN_HOST": "[fe80::2]"], .tcp(host: "fe80::2", port: "8080")),
        (["LISTEN_HOST": "unix:/run/p"], .unix(path: "/run/p")),
        (
            ["LISTEN_HOST": "", "LISTEN_PORT": "", "STATUS_PROXY_URL": ""],
            .tcp(host: "127.0.0.1", port: "8080")
        ),
        (["STATUS_PROXY_URL": "http://h:1", "LISTEN_PORT": "2"], .tcp(host: "h", port: "1")),
    ])
    func placeIsTheOneThatTheSettingsListenOn(
        environment: [String: String], expected: ServerPlace
    ) throws {
        try expectEqual(place(nil, environment), expected)
        try expectEqual(place("http://said:7", environment), .tcp(host: "said", port: "7"))
    }

    @Test func placeIsReadFromTheSettingsFileToo() throws {
        let folder = TemporaryFolder()
        let path = folder.write(#"{"LISTEN_HOST": "::1", "LISTEN_PORT": 9000}"#)
        try expectEqual(place(nil, ["CONFIG_FILE": path]), .tcp(host: "::1", port: "9000"))
        let failure = try #require(throws: ProbeFailure.self) {
            try place(nil, ["CONFIG_FILE": "/nowhere/at/all"])
        }
        #expect(failure.description.hasPrefix("CONFIG_FILE: /nowhere/at/all"))
    }

    // MARK: Asking

    @Test(arguments: ["127.0.0.1", "localhost"])
    func serverThatAnswers200IsHealthy(host: String) throws {
        let server = CannedServer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        try HealthProbe.check(.tcp(host: host, port: "\(server.port)"))
    }

    @Test(arguments: [
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 503 Service Unavailable"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2"),
        ("HTTP/1.1 2000 Odd\r\n\r\n", "HTTP/1.1 2000 Odd"),
        ("HTTP/1.1 200", "unanswered"), ("", "unanswered"),
    ])
    func serverWithAnyOtherAnswerIsUnhealthy(answer: String, words: String) throws {
        let server = CannedServer(answer)
        let failure = try #require(throws: ProbeFailure.self) {
            try HealthProbe.check(.tcp(host: "127.0.0.1", port: "\(server.port)"))
        }
        #expect(failure.description.contains(words))
    }

    @Test func placeWithoutAListenerCannotBeReached() throws {
        let folder = TemporaryFolder()
        let longest = String(repeating: "x", count: 200)
        let port = CannedServer("").port
        for (place, words) in [
            (ServerPlace.tcp(host: "127.0.0.1", port: "\(port)"), "Connection refused"),
            (.unix(path: "\(folder.path)/nothing"), "No such file"),
            (.unix(path: "/\(longest)"), "not a server's address"),
        ] {
            let failure = try #require(throws: ProbeFailure.self) { try HealthProbe.check(place) }
            #expect(failure.description.contains(words), "\(failure)")
        }
    }
}
