// The program's version is the one that all other files name.

import TestSupport
import Testing

struct VersionTests {
    private let version =
        House.text("Sources/StatusProxy/ProgramVersion.swift")
        .split(separator: "\"").dropFirst().first.map(String.init) ?? ""

    /// The first version in a text after some words.
    private func found(_ words: String, in path: String) -> String? {
        let text = House.text(path)
        guard let range = text.firstRange(of: words) else { return nil }
        return String(text[range.upperBound...].prefix { $0.isNumber || $0 == "." })
    }

    @Test func versionIsOfThreeNumbers() {
        #expect(version.wholeMatch(of: /\d+\.\d+\.\d+/) != nil, "\(version)")
    }

    @Test(arguments: [
        ("CHANGELOG.md", "\n## ["), ("openapi/status-proxy.yaml", "\n  version: "),
        ("Dockerfile", "\nARG VERSION="), ("deploy/kubernetes/kustomization.yaml", "newTag: "),
        ("docs/operating.md", "status-proxy_"), ("docs/api.md", "\"version\":\""),
    ])
    func sameVersionIsEverywhere(path: String, words: String) {
        expectEqual(found(words, in: path), version)
    }

    @Test func imageAndPackageAreNamedByIt() {
        let image = House.text("Dockerfile")
        #expect(image.contains("org.opencontainers.image.version=\"$VERSION\""))
        let package = House.text("scripts/package")
        #expect(package.contains("Sources/StatusProxy/ProgramVersion.swift"))
        #expect(!package.contains(version))
    }
}
