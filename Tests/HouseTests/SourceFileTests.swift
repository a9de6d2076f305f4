// Checks what every file must have: a first sentence, a maximum size, proofs for what the compiler
// cannot check, and no trace of the machine on which it was written.

import Testing

struct SourceFileTests {
    @Test func everySourceFileOpensWithASentenceAboutItsContent() {
        #expect(!House.sources.isEmpty)
        for file in House.sources {
            let first = file.lines.first ?? ""
            let isComment = first.hasPrefix("// ") || first.hasPrefix("/// ")
            #expect(isComment && first.split(separator: " ").count > 3, "\(file.path)")
        }
    }

    @Test func noSwiftFileOfTheProductIsLongerThan250Lines() {
        for path in House.paths(under: "Sources") where path.hasSuffix(".swift") {
            let lines = House.bytes(path).count { $0 == 0x0A }
            #expect(lines <= 250, "\(path)")
        }
    }

    @Test func uncheckedConcurrencyIsProvedInAComment() {
        var count = 0
        for file in House.sources + House.tests {
            for (index, line) in file.lines.enumerated() where Trust.isAsked(by: line) {
                count += 1
                let above = file.lines[max(0, index - 6)..<index]
                #expect(above.contains(where: Trust.isProof), "\(file.path):\(index + 1)")
            }
        }
        #expect(count > 0)
    }

    /// Swift 6.3.1 optimises away the copy of a value that `_read` yields, although the original
    /// changes later; the end of the copy then releases the changed original.
    @Test func noAccessorYieldsAValueToReaders() {
        for file in House.sources {
            for (index, line) in file.lines.enumerated() where !line.hasPrefix("//") {
                #expect(!line.utf8Contains("_re" + "ad {"), "\(file.path):\(index + 1)")
            }
        }
    }

    @Test func buildProductsAndResolvedVersionsAreNotTracked() {
        for path in House.trackedPaths {
            let parts = path.split(separator: "/")
            #expect(parts.last != "Package.resolved" || parts.count > 1, "\(path)")
            #expect(!parts.contains { $0.hasPrefix(".build") }, "\(path)")
        }
        let ignored = House.text(".gitignore").split(separator: "\n")
        #expect(ignored.contains("Package.resolved"))
        #expect(ignored.contains { $0.hasPrefix(".build") })
    }

    @Test func noTrackedTextNamesAPathOfOneMachine() {
        // Split, so that this file does not break its own rule.
        let homes = ["home", "Users", "root"].map { "/\($0)" + "/" }
        #expect(House.trackedPaths.contains("Package.swift"))
        for path in House.trackedPaths {
            let bytes = House.bytes(path)
            guard !bytes.contains(0) else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            for home in homes { #expect(!text.utf8Contains(home), "\(path)") }
        }
    }
}

/// Words by which code makes the compiler skip a check.
private enum Trust {
    static let words = ["@unchecked" + " Sendable", "nonisolated" + "(unsafe)"]

    static func isAsked(by line: String) -> Bool {
        !line.hasPrefix("//") && words.contains { line.utf8Contains($0) }
    }

    static func isProof(_ line: String) -> Bool {
        line.hasPrefix("//")
            && ["Sendable", "nonisolated", "unsafe"].contains { line.utf8Contains($0) }
    }
}

extension String {
    /// By bytes, which is many times faster than by characters.
    func utf8Contains(_ part: String) -> Bool {
        let part = Array(part.utf8)
        guard let first = part.first else { return true }
        var rest = Array(utf8)[...]
        while let start = rest.firstIndex(of: first) {
            rest = rest[start...]
            if rest.starts(with: part) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
