// Settings as texts, by name: the environment's over the file's over the defaults.

import Glibc
import StatusCore

/// What was said, and where. The environment wins over the file.
struct RawSettings {
    private var texts: [SettingName: String] = [:]
    /// What may be a mistake: variables that are none of ours, but a letter or two from one, and a file
    /// of keys that is said to be nothing. A line for each.
    private(set) var warnings: [String] = []

    static let fileBytesMax = 1 << 20

    /// - Throws: for a name that nobody knows, and for a file that cannot be read.
    init(environment: [String: String]) throws(SettingFailure) {
        if let path = environment[SettingName.configFile], !path.isEmpty {
            try readFile(path)
        }
        for (name, text) in environment.sorted(by: { $0.key < $1.key }) {
            try take(environmentVariable: name, text)
        }
    }

    /// Nil when neither said nor defaulted. A setting that is set to nothing is not set.
    func text(_ name: SettingName) -> String? { texts[name] ?? name.defaultText }

    func isSet(_ name: SettingName) -> Bool { texts[name] != nil }

    /// Which of the two names a secret was given by.
    func said(_ name: SettingName, _ fileName: SettingName) -> SettingName {
        isSet(fileName) ? fileName : name
    }

    private mutating func take(
        environmentVariable name: String, _ text: String
    ) throws(SettingFailure) {
        if text.isEmpty, name == SettingName.callerKeysFile.rawValue {
            warnings.append("\(name): it is set to nothing, so everybody may ask")
        }
        guard !text.isEmpty, !Self.others.contains(name), !ServiceLink.isOne(name, text) else {
            return
        }
        if let known = SettingName(rawValue: name) {
            texts[known] = text
            return
        }
        guard !Self.prefixes.contains(where: name.hasPrefix) else { throw Self.unknown(name) }
        let (nearest, distance) = Self.nearest(to: name.uppercased())
        guard distance <= Self.likeness else { return }
        // A service that was to ask for keys must not be open to everybody.
        guard nearest != SettingName.callerKeysFile.rawValue else { throw Self.unknown(name) }
        warnings.append(
            "\(name): there is no such setting, so it has no effect; is \(nearest) meant?")
    }

    /// Whatever begins so is meant for us.
    private static let prefixes = ["ORDERS_", "VOUCHERS_", "CALLER_"]
    /// Variables that are read elsewhere.
    private static let others: Set = [
        SettingName.configFile, SettingName.stateDirectory, "STATUS_PROXY_URL", "STATUS_PROXY_KEY",
    ]
    /// So many letters may be wrong for a name to be taken for a mistyped one.
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
        guard let known = SettingName(rawValue: name) else { throw Self.unknown(name) }
        switch value {
        case .string(let text): texts[known] = text.isEmpty ? nil : text
        case .number(let text): texts[known] = text
        case .null: break
        case .bool, .array, .object:
            throw SettingFailure(known, "the settings file must give a string or a number")
        }
    }

    /// Names the known setting that looks most like it.
    private static func unknown(_ name: String) -> SettingFailure {
        SettingFailure(
            name: name,
            problem: "there is no such setting; is \(nearest(to: name).name) meant?")
    }

    private static func nearest(to name: String) -> (name: String, distance: Int) {
        let names = SettingName.allCases.map(\.rawValue) + [SettingName.configFile]
        let measured = names.map { (name: $0, distance: editDistance($0, name)) }
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
