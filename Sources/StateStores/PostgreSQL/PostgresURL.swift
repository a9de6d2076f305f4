// The URL of the shared database, read by libpq, and never shown with its secrets.

internal import CPostgres

/// A connection URL in libpq's form, with several hosts, TLS and all other options of libpq.
public struct PostgresURL: Sendable, Equatable {
    let text: String
    /// For people: rebuilt from libpq's parts, without those that libpq marks as secret.
    public let shown: String
    /// The file of `sslrootcert`, if the URL names one.
    public let rootCertificates: String?
    /// Whether credentials and results may cross a network without TLS.
    public let mayBeClearText: Bool
    private let secrets: [String]

    public struct Failure: Error, Equatable {
        public var problem: String
    }

    /// - Throws: why libpq refuses it, without any secret of the URL.
    public init(_ text: String) throws(Failure) {
        let isURL = ["postgresql://", "postgres://"].contains { text.hasPrefix($0) }
        guard isURL, !text.utf8.contains(0) else {
            throw Failure(problem: "it does not begin with postgresql://")
        }
        guard let options = PQconninfoParse(text, nil) else {
            // libpq's message quotes the URL with its password.
            throw Failure(problem: "libpq cannot read it")
        }
        defer { PQconninfoFree(options) }
        let parts = Self.parts(options)
        let parameters = parts.filter { !$0.isSecret }.map {
            PostgresParameters.Parameter(name: $0.name, value: $0.value)
        }
        if let fault = PostgresParameters.fault(in: parameters) {
            throw Failure(problem: fault)
        }
        self.text = text
        shown = Self.show(parts)
        // In libpq 16, "system" means the system's certificates.
        let roots = parts.first { $0.name == "sslrootcert" }?.value
        rootCertificates = roots == "system" ? nil : roots
        mayBeClearText = Self.mayBeClearText(parts)
        secrets = parts.filter(\.isSecret).map(\.value)
    }

    /// libpq connects without TLS, too, unless `sslmode` is one of three; never to a socket of this
    /// machine (libpq, "SSL Mode Descriptions").
    private static func mayBeClearText(_ parts: [Part]) -> Bool {
        func value(_ name: String) -> String? { parts.first { $0.name == name }?.value }
        guard !["require", "verify-ca", "verify-full"].contains(value("sslmode")) else {
            return false
        }
        let hosts = (value("hostaddr") ?? value("host") ?? "").split(separator: ",")
        return !hosts.allSatisfy {
            $0.hasPrefix("/") || $0.hasPrefix("@") || $0.hasPrefix("127.") || $0 == "::1"
                || $0 == "localhost"
        }
    }

    /// A message of libpq or of the server, without the secrets.
    func hideSecrets(in message: String) -> String {
        var message = message
        for secret in secrets where !secret.isEmpty {
            message = message.split(separator: secret, omittingEmptySubsequences: false)
                .joined(separator: Self.hidden)
        }
        return message
    }

    // MARK: showing

    private struct Part {
        var name: String
        var value: String
        var isSecret: Bool
    }

    private static let hidden = "[secret]"

    /// The parts that the URL sets, in libpq's order.
    private static func parts(_ options: UnsafeMutablePointer<PQconninfoOption>) -> [Part] {
        var parts: [Part] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                // libpq marks parts that a dialog has to hide with an asterisk.
                let isSecret = option.pointee.dispchar.map { $0.pointee == 0x2A } ?? false
                parts.append(
                    Part(
                        name: String(cString: keyword), value: String(cString: value),
                        isSecret: isSecret))
            }
            option += 1
        }
        return parts
    }

    private static func show(_ parts: [Part]) -> String {
        func value(_ name: String) -> String? { parts.first { $0.name == name }?.value }
        let password = value("password") == nil ? "" : ":\(hidden)"
        let user = value("user").map { "\($0)\(password)@" } ?? ""
        let query = parts.filter {
            !["user", "host", "port", "dbname"].contains($0.name)
                && !($0.name == "password" && !user.isEmpty)
        }.map { "\($0.name)=\($0.isSecret ? hidden : $0.value)" }
        return "postgresql://\(user)\(places(value("host"), value("port")))"
            + (value("dbname").map { "/\($0)" } ?? "")
            + (query.isEmpty ? "" : "?\(query.joined(separator: "&"))")
    }

    /// Hosts with their ports; a single port counts for all of them.
    private static func places(_ host: String?, _ port: String?) -> String {
        let ports = port?.split(separator: ",", omittingEmptySubsequences: false) ?? []
        let hosts = (host ?? "").split(separator: ",", omittingEmptySubsequences: false)
        return hosts.enumerated().map { index, host in
            let name = host.contains(":") ? "[\(host)]" : String(host)
            let port = ports.count == 1 ? ports[0] : index < ports.count ? ports[index] : ""
            return port.isEmpty ? name : "\(name):\(port)"
        }.joined(separator: ",")
    }
}
