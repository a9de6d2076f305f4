// Checks Package.swift as text: one strict list of settings, and no target without it.

import TestSupport
import Testing

struct ManifestTests {
    @Test(arguments: [
        ".swiftLanguageMode(.v6)",
        ".enableUpcomingFeature(\"ExistentialAny\")",
        ".enableUpcomingFeature(\"InternalImportsByDefault\")",
        ".enableUpcomingFeature(\"MemberImportVisibility\")",
        ".treatAllWarnings(as: .error)",
    ])
    func strictTargetsAreComplete(setting: String) {
        let list = Manifest.text(from: "let strict: [SwiftSetting] = [", to: "]\n")
        #expect(list.contains(setting))
    }

    @Test func everyTargetButTheShimsIsStrict() {
        let makers = [".target(", ".executableTarget(", ".testTarget(", ".macro(", ".plugin("]
        let calls = makers.flatMap { Manifest.calls(of: $0) }
        #expect(calls.count >= 3 + Module.shims.count)
        for call in calls {
            let isShim = Module.shims.contains { call.contains("name: \"\($0)\"") }
            #expect(isShim != call.contains("swiftSettings: strict"), "\(call)")
        }
    }

    @Test func shimsContainNoSwift() {
        for file in House.sources { #expect(!Module.shims.contains(file.module), "\(file.path)") }
    }

    @Test(arguments: Module.all)
    func moduleDependsOnlyOnWhatItMayImport(module: Module) throws {
        let calls = ["module(", "program("].flatMap { Manifest.calls(of: $0) }
        let call = try #require(calls.first { $0.quoted.first == module.name })
        let packages: Set = ["swift-argument-parser", "swift-collections"]
        let dependencies = Set(call.quoted).subtracting(packages).subtracting([module.name])
        #expect(dependencies.isSubset(of: module.allowed))
    }

    @Test func everyFolderOfTestsIsATarget() {
        // `scripts/fuzz` builds its own targets.
        let folders = Set(House.tests.map(\.module)).subtracting(["Fuzz"])
        let targets = Manifest.calls(of: "tests(").compactMap(\.quoted.first)
        let helpers = Manifest.calls(of: ".target(").flatMap(\.quoted)
            .filter { $0.hasPrefix("Tests/") && !$0.contains("\\") }
            .map { String($0.dropFirst("Tests/".count)) }
        expectEqual(folders, Set(targets + helpers))
    }
}

private enum Manifest {
    static let text = House.text("Package.swift")

    static func text(from start: String, to end: String) -> Substring {
        guard let first = text.firstRange(of: start) else { return "" }
        let rest = text[first.upperBound...]
        return rest[..<(rest.firstRange(of: end)?.lowerBound ?? rest.endIndex)]
    }

    /// The arguments of every call, up to its closing parenthesis; no declarations.
    static func calls(of maker: String) -> [String] {
        text.ranges(of: maker).compactMap { range in
            let before = text[..<range.lowerBound]
            guard !before.hasSuffix("func "), !(before.last?.isLetter ?? false) else { return nil }
            return arguments(after: range.upperBound)
        }
    }

    private static func arguments(after start: String.Index) -> String {
        var depth = 1
        let arguments = text[start...].prefix { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return depth > 0
        }
        return String(arguments)
    }
}

extension String {
    /// The texts between quotation marks, in order.
    fileprivate var quoted: [String] {
        split(separator: "\"", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}
