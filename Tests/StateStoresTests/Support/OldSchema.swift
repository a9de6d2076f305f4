// What the programs of earlier versions made: their own DDL, kept as it was.

import Foundation

enum OldSchema {
    /// The text of `Schemas/<name>.sql`.
    static func text(_ name: String) throws -> String {
        let folder = Bundle.module.bundleURL.appendingPathComponent("Schemas")
        return try String(contentsOf: folder.appendingPathComponent("\(name).sql"), encoding: .utf8)
    }
}
