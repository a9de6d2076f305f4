// Settings as texts, by name: from the environment, else the file, else the defaults.

import Glibc
import StatusCore

/// The given settings and their origin. The environment wins over the file.
struct RawSettings {
    private var texts: [String: String] = [:]
    /// The file that CONFIG_FILE names; and below, the settings that come from it.
    private var file: String?
    private var fromFile: Set<String> = []
    /// The sources by name and kind, in the order in which they are listed.
    private(set) var sources: [ListedSource] = []
    /// Possible mistakes, a line for each: unknown variables that differ from a setting by a letter
    /// or two, and an empty CALLER_KEYS_FILE.
    private(set) var warnings: [String] = []

    static let fileBytesMax = 1 << 20

    /// - Throws: for an unknown name, and for a file that cannot be read.
    init(environment: [String: String]) throws(SettingFailure) {
        if let path = environment[SettingName.configFile], !path.isEmpty {
            try readFile(path)
            file = path
        }
        let fileNames = texts.keys.sorted()
        let variables = environment.filter {
            !$0.value.isEmpty && !Self.others.contains($0.key)
                && !ServiceLink.isOne($0.key, $0.value)
        }
        texts.merge(variables) { $1 }
        fromFile = Set(fileNames).subtracting(variables.keys)
        sources = try ListedSource.list(texts)
        for name in fileNames where owner(of: name) == nil { throw unknown(name) }
        for name in variables.keys.sorted() { try check(environmentVariable: name) }
        if environment[SettingName.callerKeysFile.name] == "" {
            warnings.append(
                "\(SettingName.callerKeysFile.name): it is empty, so everyone may ask")
        }
    }

    /// Nil without a given or default value. An empty value counts as not set.
    func text(_ setting: some Setting) -> String? { texts[setting.name] ?? setting.defaultText }

    func isSet(_ setting: some Setting) -> Bool { texts[setting.name] != nil }

    /// The effective value and its origin, secrets hidden. Nil if there is no value.
    func effective(_ setting: some Setting) -> EffectiveSetting? {
        let name = setting.name
        var found = EffectiveSetting(
            name: name, value: setting.isSecret ? nil : text(setting), origin: "default")
        if fromFile.contains(name) {
            (found.origin, found.file) = (SettingName.configFile, file)
        } else if isSet(setting) {
            found.origin = "environment"
        } else if setting.isSecret, let path = texts["\(name)_FILE"] {
            (found.origin, found.file) = ("\(name)_FILE", path)
        } else if setting.defaultText == nil {
            return nil
        }
        return found
    }

    /// The name, of the two, by which a secret was given.
    func given<Name: Setting>(_ setting: Name, _ file: Name) -> Name {
        isSet(file) ? file : setting
    }

    /// All settings, in the order of the documentation.
    var all: [any Setting] {
        SettingName.allCases.flatMap { name -> [any Setting] in
            name == .sources ? [name] + sources.flatMap(\.settings) : [name]
        }
    }

    /// The setting of that name; nil if there is none.
    private func owner(of name: String) -> (any Setting)? {
        if let known = SettingName(rawValue: name) { return known }
        let source = sources.filter { name.hasPrefix($0.prefix) }
            .max { $0.prefix.count < $1.prefix.count }
        return source?.settings.first { $0.name == name }
    }

    private mutating func check(environmentVariable name: String) throws(SettingFailure) {
        if owner(of: name) != nil { return }
        let prefixes = sources.map(\.prefix) + Self.prefixes
        guard !prefixes.contains(where: name.hasPrefix) else { throw unknown(name) }
        texts[name] = nil
        let (nearest, distance) = nearest(to: name.uppercased())
        guard distance <= Self.likeness else { return }
        // A service that was meant to require keys must not start without them.
        guard nearest != SettingName.callerKeysFile.name else { throw unknown(name) }
        warnings.append(
            "\(name): there is no such setting, so it has no effect; is \(nearest) meant?")
    }

    /// Variables with these prefixes are meant for this service.
    private static let prefixes = ["ORDERS_", "VOUCHERS_", "CALLER_"]
    /// Variables that other code reads.
    static let others = [
        SettingName.configFile, SettingName.stateDirectory, "STATUS_PROXY_URL", "STATUS_PROXY_KEY",
    ]
    /// The number of wrong letters up to which a name counts as mistyped.
    private static let likeness = 2

    private mutating func readFile(_ path: String) throws(SettingFailure) {
        let bytes: [UInt8]
        do { bytes = try SmallFile.read(path, bytesMax: Self.fileBytesMax) } catch {
            throw SettingFailure(
                name: SettingName.configFile, problem: "\(path) cannot be read: \(error)")
        }
        guard let value = try? JSONReader.read(bytes), case .object(let members) = value else {
            throw SettingFailure(
                name: SettingName.configFile,
                problem: "\(path) is not a JSON object like {\"LISTEN_PORT\": 8080}")
        }
        for member in members { try take(fileKey: member.name, member.value) }
    }

    private mutating func take(fileKey name: String, _ value: JSONValue) throws(SettingFailure) {
        switch value {
        case .string(let text): texts[name] = text.isEmpty ? nil : text
        case .number(let text): texts[name] = text
        case .null: break
        case .bool, .array, .object:
            throw SettingFailure(
                name: name, problem: "the settings file must give a string or a number")
        }
    }

    /// The failure for an unknown name, with the most similar setting, or with the source's kind if
    /// that lacks the setting.
    private func unknown(_ name: String) -> SettingFailure {
        let source = sources.filter { name.hasPrefix($0.prefix) }
            .max { $0.prefix.count < $1.prefix.count }
        if let source, SourceAspect.allCases.contains(where: { source.variable($0) == name }) {
            return SettingFailure(
                name: name,
                problem: "a source of the kind \(source.kind.name) has no such setting")
        }
        let unlisted = ListedSource.defaultKinds.map(\.name).first {
            name.hasPrefix($0.uppercased() + "_")
        }
        if source == nil, let unlisted {
            return SettingFailure(
                name: name, problem: "there is no source '\(unlisted)': SOURCES does not list it")
        }
        return SettingFailure(
            name: name, problem: "there is no such setting; is \(nearest(to: name).name) meant?")
    }

    private func nearest(to name: String) -> (name: String, distance: Int) {
        let names = all.map(\.name) + [SettingName.configFile]
        let measured = names.map { (name: $0, distance: Self.editDistance($0, name)) }
        return measured.min { $0.distance < $1.distance } ?? ("", .max)
    }

    /// Levenshtein's distance.
    private static func editDistance(_ a: String, _ b: String) -> Int {
        let target = Array(b.utf8)
        var row = Array(0...target.count)
        for (index, byte) in a.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in target.indices {
                let cost = diagonal + (byte == target[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(cost, row[column] + 1, diagonal + 1)
            }
        }
        return row[target.count]
    }
}

/// A setting as it may be shown.
struct EffectiveSetting {
    var name: String
    /// Nil for a secret.
    var value: String?
    /// `environment`, `default`, or the variable that names the value's file.
    var origin: String
    /// That file.
    var file: String?
}

/// The variables that Kubernetes adds to every container's environment for each Service of the
/// namespace: for a Service named `orders`, `ORDERS_SERVICE_HOST`, `ORDERS_PORT=tcp://…`,
/// `ORDERS_PORT_80_TCP_ADDR` and more ("Accessing the Service", environment variables; Docker's
/// links have the same form).
enum ServiceLink {
    static func isOne(_ name: String, _ text: String) -> Bool {
        name.contains(/_SERVICE_(HOST|PORT)$|_SERVICE_PORT_|_PORT_[0-9]+_(TCP|UDP|SCTP)/)
            || name.hasSuffix("_PORT") && text.contains(/^(tcp|udp|sctp):\/\//)
    }
}
