// Reads a corpus of cases, as bytes and lines. See the README beside the files.

public import Foundation

/// One case of a corpus.
public struct CorpusCase: CustomStringConvertible, Sendable {
    /// The file's name without its extension, and the case's name.
    public var name: String
    public var input: [UInt8] = []
    /// Whether the peer closes its sending side after the input.
    public var inputEnds = false
    /// The lines after `--`.
    public var expected: [String] = []

    public var description: String { name }

    /// Every case of the `Corpus` folder in a test target's bundle.
    public static func all(in bundle: Bundle) -> [CorpusCase] {
        guard let folder = bundle.url(forResource: "Corpus", withExtension: nil),
            let files = try? FileManager.default.contentsOfDirectory(
                at: folder, includingPropertiesForKeys: nil)
        else { return [] }
        return files.filter { $0.pathExtension == "http" }
            .sorted { $0.path < $1.path }
            .flatMap { file in
                let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
                return cases(text, file.deletingPathExtension().lastPathComponent)
            }
    }

    private static func cases(_ text: String, _ file: String) -> [CorpusCase] {
        var cases: [CorpusCase] = []
        var isInput = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("== ") {
                cases.append(CorpusCase(name: "\(file): \(line.dropFirst(3))"))
                isInput = true
            } else if line == "--", isInput {
                isInput = false
            } else if cases.isEmpty || (!isInput && (line.isEmpty || line.hasPrefix("# "))) {
                continue
            } else if isInput {
                cases[cases.count - 1].add(input: line)
            } else {
                cases[cases.count - 1].expected.append(Escapes.text(Escapes.bytes(line)))
            }
        }
        return cases
    }

    private mutating func add(input line: Substring) {
        if line.hasSuffix("\\e") {
            input += Escapes.bytes(line.dropLast(2))
            inputEnds = true
        } else if line.hasSuffix("\\c") {
            input += Escapes.bytes(line.dropLast(2))
        } else {
            input += Escapes.bytes(line) + [13, 10]
        }
    }
}

/// A corpus's notation for bytes.
public enum Escapes {
    public static func bytes(_ line: Substring) -> [UInt8] {
        var rest = Array(line.utf8)[...]
        return read(&rest, until: nil)
    }

    /// Each byte as the character with its value, so that any bytes can be compared and shown.
    public static func text(_ bytes: [UInt8]) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    private static func read(_ rest: inout ArraySlice<UInt8>, until end: UInt8?) -> [UInt8] {
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == end { return bytes }
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch Character(Unicode.Scalar(kind)) {
            case "r": bytes.append(13)
            case "n": bytes.append(10)
            case "t": bytes.append(9)
            case "0": bytes.append(0)
            case "s": bytes.append(32)
            case "x":
                let digits = String(decoding: rest.prefix(2), as: UTF8.self)
                rest = rest.dropFirst(2)
                bytes.append(UInt8(digits, radix: 16) ?? 0)
            case "{":
                let digits = rest.prefix { $0 != UInt8(ascii: "*") }
                rest = rest.dropFirst(digits.count + 1)
                let count = Int(String(decoding: digits, as: UTF8.self)) ?? 0
                let part = read(&rest, until: UInt8(ascii: "}"))
                for _ in 0..<count { bytes += part }
            default: bytes.append(kind)
            }
        }
        return bytes
    }
}
