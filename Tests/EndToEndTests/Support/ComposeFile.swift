// compose.yaml and the Dockerfile as an engine reads them: the services, their settings, and their
// checks.

import Foundation
import StatusCore
import TestSupport

struct ComposeFile {
    struct Service {
        /// The program and its arguments; empty for other images.
        var command: [String]
        var environment: [String: String]
        /// Empty: none.
        var healthCheck: [String]
        /// As in the file: `address:port:port in the container`.
        var ports: [String]
        var volumes: [String]
        var stopGracePeriod: String?
        var image: String?
        var isBuilt: Bool
    }

    let services: [String: Service]

    init() throws {
        let image = try Dockerfile()
        let file = try YAMLReader.read(Project.text("compose.yaml"))
        var services: [String: Service] = [:]
        for member in Self.members(file["services"]) {
            services[member.name] = Self.service(member.value, image)
        }
        self.services = services
    }

    /// The services that are the proxy itself, by name.
    var replicas: [String] {
        services.filter { $0.value.command.first == "status-proxy" }.map(\.key).sorted()
    }

    private static func service(_ value: JSONValue, _ image: Dockerfile) -> Service {
        let isOurs = value["image"]?.string == "status-proxy"
        var command = isOurs ? image.entrypoint + image.command : []
        // A service's own entry point also drops the image's arguments.
        if let entrypoint = value["entrypoint"] { command = texts(entrypoint) }
        if let arguments = value["command"] { command += texts(arguments) }
        var environment = isOurs ? image.environment : [:]
        for member in members(value["environment"]) {
            environment[member.name] = member.value.string
        }
        var healthCheck = isOurs ? image.healthCheck : []
        if let own = value["healthcheck"] { healthCheck = Array(texts(own["test"]).dropFirst()) }
        return Service(
            command: command, environment: environment, healthCheck: healthCheck,
            ports: texts(value["ports"]), volumes: texts(value["volumes"]),
            stopGracePeriod: value["stop_grace_period"]?.string, image: value["image"]?.string,
            isBuilt: value["build"] != nil)
    }

    private static func members(_ value: JSONValue?) -> [JSONValue.Member] {
        if case .object(let members)? = value { members } else { [] }
    }

    private static func texts(_ value: JSONValue?) -> [String] {
        value?.array?.compactMap(\.string) ?? []
    }
}

/// The container's settings in the last stage of the Dockerfile.
private struct Dockerfile {
    var entrypoint: [String] = []
    var command: [String] = []
    var healthCheck: [String] = []
    var environment: [String: String] = [:]

    init() throws {
        let text = try Project.text("Dockerfile").replacingOccurrences(of: "\\\n", with: " ")
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard words.count == 2 else { continue }
            switch words[0] {
            case "FROM": (entrypoint, command, healthCheck, environment) = ([], [], [], [:])
            case "ENTRYPOINT": entrypoint = try Self.list(words[1])
            case "CMD": command = try Self.list(words[1])
            case "HEALTHCHECK":
                healthCheck = try Self.list(words[1].drop { $0 != "[" })
            case "ENV":
                for pair in words[1].split(separator: " ") {
                    let halves = pair.split(separator: "=", maxSplits: 1).map(String.init)
                    environment[halves[0]] = halves[1]
                }
            default: break
            }
        }
    }

    private static func list(_ json: some StringProtocol) throws -> [String] {
        try JSONReader.read(Array(json.utf8)).array?.compactMap(\.string) ?? []
    }
}
