// Reads the package's files as text.

import Glibc

/// The package's folder, found from this file's path.
enum House {
    static let root = String(
        #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined())

    static let sources = SourceFile.all(under: "Sources")
    static let tests = SourceFile.all(under: "Tests")
    static let manifest = SourceFile("Package.swift")

    /// All files in version control; without git, all files that could be.
    static let trackedPaths: [String] = gitPaths ?? paths(under: "")

    /// The files that git tracks; nil without git or a repository.
    private static let gitPaths: [String]? = {
        guard let pipe = popen("git -C '\(root)' ls-files -z 2>/dev/null", "r") else { return nil }
        let paths = everything(from: pipe).split(separator: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
        return pclose(pipe) == 0 && !paths.isEmpty ? paths : nil
    }()

    /// Files below a folder, by their paths from the root. Names that begin with a point are left out,
    /// except for the settings of tools that are part of the package.
    static func paths(under folder: String) -> [String] {
        guard let directory = opendir("\(root)/\(folder)") else { return [] }
        defer { closedir(directory) }
        var found: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") || [".ci", ".gitignore", ".swift-format"].contains(name)
            else { continue }
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            found += entry.pointee.d_type == UInt8(DT_DIR) ? paths(under: path) : [path]
        }
        return found.sorted()
    }

    /// A file's bytes; empty if it cannot be read.
    static func bytes(_ path: String) -> [UInt8] {
        guard let file = fopen("\(root)/\(path)", "rb") else { return [] }
        defer { fclose(file) }
        return everything(from: file)
    }

    static func text(_ path: String) -> String { String(decoding: bytes(path), as: UTF8.self) }

    private static func everything(from file: UnsafeMutablePointer<FILE>) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&part, 1, part.count, file)
            guard count > 0 else { return bytes }
            bytes += part.prefix(count)
        }
    }
}

/// One source file.
struct SourceFile: Sendable {
    /// The path from the root.
    let path: String
    /// The line without the blanks at either end.
    let lines: [String]

    init(_ path: String) {
        self.path = path
        lines = House.bytes(path).split(separator: 0x0A, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self).trimmed }
    }

    static func all(under folder: String) -> [SourceFile] {
        House.paths(under: folder).filter { $0.hasSuffix(".swift") }.map(SourceFile.init)
    }

    /// The folder below `Sources` or `Tests`.
    var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    /// The modules that it imports.
    var imports: Set<String> { Set(lines.compactMap(Self.importedModule)) }

    /// `@testable public import struct Room.Chair` imports Room.
    static func importedModule(_ line: String) -> String? {
        var words = line.split(separator: " ")
        while let first = words.first, first.hasPrefix("@") || accessLevels.contains(first) {
            words.removeFirst()
        }
        guard words.first == "import", words.count > 1 else { return nil }
        let name = words.count > 2 ? words[2] : words[1]
        return name.split(separator: ".").first.map(String.init)
    }

    private static let accessLevels: Set<Substring> = [
        "public", "package", "internal", "fileprivate", "private",
    ]
}

extension StringProtocol {
    var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0.isWhitespace }.reversed())
    }

    /// The texts between backticks, in order.
    var ticked: [String] {
        split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}
