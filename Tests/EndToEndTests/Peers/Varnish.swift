// Varnish in front of a service, as a cache that follows RFC 9111.

import Foundation

/// A running Varnish: a manager and its worker, which ends when the manager is gone.
final class Varnish {
    let program: Program
    let port: Int
    private let folder: TemporaryFolder

    /// Caches answers as long as they allow, without the 10 s more of its `default_grace`.
    init(cachingServiceAt servicePort: Int) async throws {
        folder = try TemporaryFolder()
        port = try LoopbackAddress.freePort()
        // -F: in the foreground. -j none: as the user who starts it.
        program = try Program(
            Tool.path(of: "varnishd"),
            [
                "-F", "-j", "none", "-n", "\(folder.url.path)/varnish",
                "-a", "127.0.0.1:\(port)", "-b", "127.0.0.1:\(servicePort)",
                "-p", "default_grace=0", "-p", "vsl_space=1M",
            ])
        try await Tool.untilListening(program, on: port)
    }

    deinit { program.signal(SIGKILL) }
}
