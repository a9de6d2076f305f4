// The page of dependencies lists exactly what the package and the container files name.

import TestSupport
import Testing

struct DependencyTests {
    private let page = "docs/dependencies.md"

    @Test func everyPackageIsPinnedAndListedWithVersionLicenceAndReason() {
        let text = House.text("Package.swift")
        let declared = text.matches(of: /\.package\(url: "[^"]*\/([^"\/]+)", exact: "([^"]+)"\)/)
            .map { [String($0.1), String($0.2)] }
        expectEqual(declared.count, text.ranges(of: ".package(url:").count, "each is exact")
        let rows = TableReader.rows(in: page, below: "## Swift packages")
        expectEqual(rows.map { [$0[0].ticked.first ?? "", $0[1]] }, declared)
        expectWhole(rows, columns: 5)
    }

    @Test func everySystemLibraryIsListedWithItsShimAndPackage() {
        let text = House.text("Package.swift")
        let shim = /name: "(C\w+)"[^(]*?linkerSettings: \[\.linkedLibrary\("(\w+)"/
        let linked = text.matches(of: shim).map { [String($0.2), String($0.1)] }
        let rows = TableReader.rows(in: page, below: "## System libraries")
        expectEqual(Set(rows.map { [$0[0], $0[1]].flatMap(\.ticked) }), Set(linked))
        expectEqual(linked.count, text.ranges(of: ".linkedLibrary(").count)
        let installed =
            House.text("Dockerfile").split(separator: "\n")
            .first { $0.contains("ca-certificates") }?.split(separator: " ").map(String.init) ?? []
        expectEqual(Set(rows.flatMap(\.[2].ticked)), Set(installed.filter { $0.isRuntimeLibrary }))
        expectWhole(rows, columns: 5)
    }

    @Test func everyImageIsListedWithLicenceAndReason() {
        let builds = House.text("Dockerfile").matches(of: /FROM (\S+)/).map { String($0.1) }
        let services = House.text("compose.yaml").matches(of: /image: (\S+)/).map { String($0.1) }
        let rows = TableReader.rows(in: page, below: "## Container images")
        let images = Set(builds + services).subtracting(["status-proxy"])
        expectEqual(Set(rows.flatMap(\.[0].ticked)), images)
        expectWhole(rows, columns: 4)
    }

    private func expectWhole(_ rows: [[String]], columns: Int) {
        for row in rows { #expect(row.count == columns && !row.contains(""), "\(row)") }
    }
}

extension String {
    /// As Debian names packages of shared libraries.
    fileprivate var isRuntimeLibrary: Bool { wholeMatch(of: /lib\S+\d|zlib1g/) != nil }
}
