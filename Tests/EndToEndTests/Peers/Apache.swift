// Apache as a proxy in front of a service, as a cache that keeps to RFC 9111, or compressing answers.

import Foundation

/// A running Apache, one process.
final class Apache {
    let program: Program
    let port: Int
    private let folder: TemporaryFolder

    /// Caches answers as long as they allow, and subtracts their Age.
    convenience init(cachingServiceAt servicePort: Int) async throws {
        try await self.init(
            servicePort, modules: ["cache", "cache_disk"],
            directives: "CacheRoot cache\nCacheEnable disk /")
    }

    /// Compresses answers, and marks their entity tags.
    convenience init(compressingServiceAt servicePort: Int) async throws {
        try await self.init(
            servicePort, modules: ["filter", "deflate"], directives: "SetOutputFilter DEFLATE")
    }

    private init(_ servicePort: Int, modules: [String], directives: String) async throws {
        folder = try TemporaryFolder()
        port = try LoopbackAddress.freePort()
        let place = folder.url.path
        try FileManager.default.createDirectory(
            atPath: "\(place)/cache", withIntermediateDirectories: true)
        let lines = (["mpm_event", "authz_core", "proxy", "proxy_http"] + modules).map {
            "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so\n"
        }
        let text = """
            ServerRoot \(place)
            ServerName localhost
            DefaultRuntimeDir \(place)
            PidFile pid
            ErrorLog /dev/stderr
            Listen 127.0.0.1:\(port)
            \(lines.joined())
            ProxyPass / http://127.0.0.1:\(servicePort)/
            \(directives)
            """
        let file = try folder.write(text, to: "httpd.conf")
        // The cache's path is relative to the working directory.
        program = try Program(
            Tool.path(of: "apache2"), ["-X", "-d", place, "-f", file], directory: folder.url)
        try await Tool.untilListening(program, on: port)
    }

    deinit { program.signal(SIGKILL) }
}
