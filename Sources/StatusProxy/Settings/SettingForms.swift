// Converts a setting's text to its value, or to a failure that names the accepted form.

import StatusCore
import UpstreamCurl

enum OnOrOff: String, CaseIterable {
    case on, off
}

extension RawSettings {
    func duration(_ name: some Setting, min: Duration = .zero) throws(SettingFailure) -> Duration {
        let text = try required(name)
        guard let span = DurationText.parse(text) else {
            throw SettingFailure(name, "'\(text)' is not \(DurationText.form)")
        }
        guard span >= min else {
            throw SettingFailure(
                name, "'\(text)' is too short: give \(DurationText.format(min)) or more")
        }
        return span
    }

    /// `others`: words that are accepted instead of a number.
    func integer(
        _ name: some Setting, _ range: ClosedRange<Int>, others: String = ""
    ) throws(SettingFailure) -> Int {
        let text = try required(name)
        guard let number = Int(text), range.contains(number) else {
            throw SettingFailure(
                name,
                "'\(text)' is not a whole number from \(range.lowerBound) to"
                    + " \(range.upperBound)\(others)")
        }
        return number
    }

    func optionalInteger(
        _ name: some Setting, _ range: ClosedRange<Int>
    ) throws(SettingFailure) -> Int? {
        guard let text = text(name), text != "none" else { return nil }
        return try integer(name, range, others: ", or none")
    }

    /// A number of bytes.
    func size(_ name: some Setting, min: Int) throws(SettingFailure) -> Int {
        let text = try required(name)
        guard let size = SizeText.parse(text) else {
            throw SettingFailure(name, "'\(text)' is not \(SizeText.form)")
        }
        guard size >= min else {
            throw SettingFailure(
                name, "'\(text)' is too small: give \(SizeText.format(min)) or more")
        }
        return size
    }

    /// An octal file mode, as for chmod.
    func fileMode(_ name: some Setting) throws(SettingFailure) -> UInt32 {
        let text = try required(name)
        guard text.utf8.allSatisfy({ (0x30...0x37).contains($0) }),
            let mode = UInt32(text, radix: 8),
            mode <= 0o777
        else {
            throw SettingFailure(name, "'\(text)' is not an octal file mode like 0660")
        }
        return mode
    }

    /// Names or addresses separated by commas, as in Host fields without the port.
    func hostNames(_ name: some Setting) throws(SettingFailure) -> Set<String> {
        guard let text = text(name) else { return [] }
        var names: Set<String> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let match = part.wholeMatch(of: /\s*([A-Za-z0-9._-]+|\[[A-Fa-f0-9:.]+\])\s*/)
            else {
                throw SettingFailure(
                    name,
                    "'\(part)' is not a host name: give names without scheme and port, like"
                        + " status.internal,status.example.com")
            }
            names.insert(String(match.1))
        }
        return names
    }

    func url(_ name: some Setting) throws(SettingFailure) -> UpstreamURL {
        let text = try required(name)
        do { return try UpstreamURL(text) } catch {
            throw SettingFailure(name, "\(error); give one like https://example.com/api")
        }
    }

    /// Case-insensitive. `others`: further accepted words.
    func word<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: some Setting, _ choice: Choice.Type, others: [String: Choice] = [:]
    ) throws(SettingFailure) -> Choice? {
        guard let text = text(name) else { return nil }
        let word = text.lowercased()
        guard let value = Choice(rawValue: word) ?? others[word] else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingFailure(name, "'\(text)' is not one of: \(words)")
        }
        return value
    }

    /// A secret, given directly or by its file, but not both.
    func secret(_ name: some Setting, file fileName: some Setting) throws(SettingFailure) -> Secret?
    {
        if isSet(name), isSet(fileName) {
            throw SettingFailure(name, "give it or \(fileName.name), not both")
        }
        if let text = text(name) { return Secret(text) }
        guard let path = text(fileName) else { return nil }
        return try Self.readSecret(path, fileName.name)
    }

    /// Reads a secret from a file; a line end after it is removed. Other invisible characters
    /// around it, from an editor or a shell, are refused: they would make the secret invalid
    /// without a visible cause.
    static func readSecret(_ path: String, _ name: String) throws(SettingFailure) -> Secret {
        var bytes: [UInt8]
        do { bytes = try SmallFile.read(path, bytesMax: Secret.bytesMax + 2) } catch {
            throw SettingFailure(name: name, problem: "\(path) cannot be read: \(error)")
        }
        while bytes.last == UInt8(ascii: "\n") || bytes.last == UInt8(ascii: "\r") {
            bytes.removeLast()
        }
        guard let first = bytes.first, let last = bytes.last else {
            throw SettingFailure(name: name, problem: "\(path) is empty")
        }
        guard !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else {
            throw SettingFailure(
                name: name,
                problem: "\(path) begins with a byte order mark: save it as plain text without one")
        }
        guard ![first, last].contains(where: { $0 == 0x20 || $0 == 0x09 }) else {
            throw SettingFailure(
                name: name, problem: "\(path) has a blank before or after the secret: remove it")
        }
        return Secret(String(decoding: bytes, as: UTF8.self))
    }

    private func required(_ name: some Setting) throws(SettingFailure) -> String {
        guard let text = text(name) else { throw SettingFailure(name, "it must be set") }
        return text
    }
}
