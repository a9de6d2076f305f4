// Checks whether libpq can use a URL's parameters, without contacting any server.

internal import CPostgres
internal import Glibc

/// libpq checks names when it parses a URL, but values only when it connects. With a mistyped
/// value, a service would wait for a database that it can never reach.
enum PostgresParameters {
    /// One parameter of a URL.
    struct Parameter {
        var name: String
        var value: String
    }

    /// The mistake in the first unusable parameter, without secrets; nil if all are usable.
    static func fault(in parameters: [Parameter]) -> String? {
        for parameter in parameters {
            if let fault = fault(in: parameter) { return "\(parameter.name) \(fault)" }
        }
        return portFault(in: parameters) ?? refusal(of: parameters)
    }

    // MARK: What libpq looks at only with a server at the other end

    private static let numbers: Set = [
        "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval",
        "keepalives_count", "tcp_user_timeout",
    ]
    private static let files: Set = ["sslrootcert", "sslcert", "sslkey", "sslcrl"]

    private static func fault(in parameter: Parameter) -> String? {
        let value = parameter.value
        if numbers.contains(parameter.name) {
            return Int32(value) == nil ? "'\(value)' is not a whole number" : nil
        }
        if parameter.name == "port" {
            let isGood = value.split(separator: ",").allSatisfy { (UInt16($0) ?? 0) > 0 }
            return isGood ? nil : "'\(value)' is not a number from 1 to 65535"
        }
        // Not files: the system's certificates (libpq 16), and a key in a token (engine:key).
        guard files.contains(parameter.name), value != "system", !value.contains(":") else {
            return nil
        }
        return access(value, R_OK) == 0
            ? nil : "\(value) cannot be read: \(String(cString: strerror(errno)))"
    }

    /// One port for all hosts, or one for each.
    private static func portFault(in parameters: [Parameter]) -> String? {
        func count(_ name: String) -> Int {
            let value = parameters.first { $0.name == name }?.value ?? ""
            return value.split(separator: ",", omittingEmptySubsequences: false).count
        }
        let (ports, hosts) = (count("port"), max(count("host"), count("hostaddr")))
        return ports == 1 || ports == hosts ? nil : "port has \(ports) numbers for \(hosts) hosts"
    }

    // MARK: What it looks at before

    /// A place where no server listens, so that connecting fails at once.
    private static let nowhere = [
        Parameter(name: "host", value: "/dev/null"), Parameter(name: "port", value: "1"),
        Parameter(name: "password", value: "none"),
    ]

    /// libpq reports the same error with all parameters as without, unless it refuses one.
    private static func refusal(of parameters: [Parameter]) -> String? {
        // A service's definition may name a real host.
        let places: Set = ["host", "hostaddr", "port", "password", "service"]
        let others = parameters.filter { !places.contains($0.name) }
        let words = words(nowhere + others)
        // Its message may be repeated, for a second attempt.
        return words.hasPrefix(self.words(nowhere)) ? nil : words
    }

    private static func words(_ parameters: [Parameter]) -> String {
        let names = parameters.map { strdup($0.name) }
        let values = parameters.map { strdup($0.value) }
        defer { (names + values).forEach { free($0) } }
        let nameList = names.map { UnsafePointer($0) } + [nil]
        let valueList = values.map { UnsafePointer($0) } + [nil]
        guard let connection = PQconnectStartParams(nameList, valueList, 0) else { return "" }
        defer { PQfinish(connection) }
        return PostgresConnection.words(PQerrorMessage(connection))
    }
}
