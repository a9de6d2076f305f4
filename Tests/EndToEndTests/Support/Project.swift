// This project's own files, which some tests hold against what the programs do.

import Foundation

enum Project {
    /// Four steps above this file.
    static let folder: URL = {
        let parts = #filePath.split(separator: "/").dropLast(4)
        return URL(fileURLWithPath: "/" + parts.joined(separator: "/"))
    }()

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: path(name), encoding: .utf8)
    }

    /// The lines of the README's first block of code in that language behind a text.
    static func readmeBlock(_ language: String, after text: String) throws -> [String] {
        let lines = try self.text("README.md")
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let block = lines.drop { !$0.contains(text) }.drop { $0 != "```\(language)" }.dropFirst()
        guard let end = block.firstIndex(of: "```") else {
            throw Client.Failure(description: "no block of \(language) behind \(text)")
        }
        return Array(block[..<end])
    }
}
