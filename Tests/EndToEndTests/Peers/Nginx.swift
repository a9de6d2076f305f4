// nginx as a proxy in front of a service with persistent connections to it, or as an upstream that
// gives every request the same answer.

import Foundation

/// A running nginx, one process. It never retries, so that a request lost by a service is noticed.
final class Nginx {
    let program: Program
    let port: Int
    private let folder: TemporaryFolder

    convenience init(servicePort: Int) async throws {
        try await self.init(
            upstream: "upstream service { server 127.0.0.1:\(servicePort); keepalive 16; }",
            location: """
                proxy_pass http://service;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_request_buffering off;
                proxy_ignore_client_abort on;
                proxy_next_upstream off;
                """)
    }

    /// Caches answers as long as they allow.
    convenience init(cachingServiceAt servicePort: Int) async throws {
        try await self.init(
            upstream: "proxy_cache_path cache keys_zone=answers:1m;",
            location: "proxy_pass http://127.0.0.1:\(servicePort); proxy_cache answers;")
    }

    /// Answers with that JSON, in which `$http_NAME` stands for a field of the request.
    convenience init(answering json: String, status: Int = 200) async throws {
        let type = status < 400 ? "json" : "problem+json"
        try await self.init(
            location: "default_type application/\(type); return \(status) '\(json)';")
    }

    private init(upstream: String = "", location: String) async throws {
        folder = try TemporaryFolder()
        port = try LoopbackAddress.freePort()
        let place = folder.url.path
        let spools = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
            "    \($0)_temp_path \(place)/\($0);\n"
        }
        let text = """
            daemon off;
            master_process off;
            pid \(place)/pid;
            error_log stderr warn;
            events { worker_connections 1000; }
            http {
            \(spools.joined())
                access_log off;
                keepalive_requests 1000000;
                \(upstream)
                server {
                    listen 127.0.0.1:\(port);
                    location / { \(location) }
                }
            }
            """
        let file = try folder.write(text, to: "nginx.conf")
        program = try Program(
            Tool.path(of: "nginx"), ["-p", place, "-c", file, "-e", "stderr"])
        try await Tool.untilListening(program, on: port)
    }

    deinit { program.signal(SIGKILL) }
}
