// This project's own files, which some tests compare with what the programs do.

import Foundation

enum Project {
    /// Four levels above this file.
    static let folder: URL = {
        let parts = #filePath.split(separator: "/").dropLast(4)
        return URL(fileURLWithPath: "/" + parts.joined(separator: "/"))
    }()

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: path(name), encoding: .utf8)
    }
}
