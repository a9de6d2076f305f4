// Makes a server use TLS.

import Foundation

extension PostgresCluster {
    /// Creates a certificate for that address and its key where the server expects them, and makes the server
    /// accept only encrypted connections. Returns once it does.
    public func encrypt(address: String) throws {
        let session = try SQLSession(url(database: "postgres"))
        // Run by the server, so that the key belongs to the server's user only.
        let command =
            "umask 077; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
            + "-days 2 -subj /CN=database -addext subjectAltName=IP:\(address) "
            + "-keyout server.key -out server.crt 2>/dev/null"
        try session.query("COPY (SELECT 1) TO PROGRAM '\(command)'")
        let rules = "(VALUES ('local all all trust'), ('hostssl all all 127.0.0.1/32 trust'))"
        try session.query("COPY \(rules) TO '\(data)/pg_hba.conf'")
        try session.query("ALTER SYSTEM SET ssl = on")
        try session.query("SELECT pg_reload_conf()")
        let deadline = Date() + 60
        while (try? SQLSession(url(database: "postgres", options: "sslmode=require"))) == nil {
            guard Date() < deadline else { throw Failure(description: "no TLS:\n\(log)") }
            letPass(.milliseconds(20))
        }
    }
}
