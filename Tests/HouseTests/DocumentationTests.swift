// Checks the pages: no dead links, and no unknown file, setting, route, metric, command or type.

import TestSupport
import Testing

struct DocumentationTests {
    private static let all = House.trackedPaths.filter { $0.hasSuffix(".md") }
    /// Pages that describe the present; two also describe the past.
    static let pages = all.filter { !["bench/README.md", "Sources/DECISIONS.md"].contains($0) }

    @Test(arguments: all)
    func everyLinkLeadsSomewhere(path: String) {
        let page = Markdown(path)
        for link in page.links where !link.contains("://") {
            let target = page.target(of: link)
            #expect(Known.isPath(target.path), "\(path): \(link)")
            guard let anchor = target.anchor else { continue }
            #expect(Markdown(target.path).anchors.contains(anchor), "\(path): \(link)")
        }
    }

    @Test func readmeLeadsToEveryPage() {
        let readme = Markdown("README.md")
        let targets = Set(readme.links.map { readme.target(of: $0).path })
        let pages = Self.pages.filter { $0.hasPrefix("docs/") || !$0.contains("/") }
        for path in pages where path != "README.md" { #expect(targets.contains(path), "\(path)") }
    }

    @Test func readmeIsShort() {
        #expect(
            House.text("README.md").split(separator: "\n", omittingEmptySubsequences: false).count
                < 135)
    }

    @Test(arguments: pages)
    func everyFileThatIsNamedExists(path: String) {
        let words = Markdown(path).ticked.flatMap { $0.split(separator: " ") }.map(String.init)
        for word in words where Known.looksLikePath(word) {
            #expect(Known.isPath(word), "\(path): \(word)")
        }
    }

    @Test(arguments: pages)
    func everySettingThatIsNamedExists(path: String) {
        for word in Markdown(path).ticked {
            guard let name = word.prefixMatch(of: /([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=|$)/)?.1
            else { continue }
            #expect(Known.isSetting(String(name)), "\(path): \(name)")
        }
    }

    @Test(arguments: pages)
    func everyRouteThatIsNamedIsServed(path: String) {
        let page = Markdown(path)
        for route in page.routes { #expect(Known.isRoute(route), "\(path): \(route)") }
        for text in page.ticked + page.code where text.contains("?") && !text.contains("://") {
            for found in text.matches(of: /[?&]([a-z_]+)=/) {
                #expect(Known.parameters.contains(String(found.1)), "\(path): \(text)")
            }
        }
    }

    @Test(arguments: pages)
    func everyMetricThatIsNamedExists(path: String) {
        let page = Markdown(path)
        for text in page.ticked + page.code {
            for found in text.matches(of: /status_proxy_([a-z_]+)/)
            where !text.contains("status_proxy_/") && !text.contains("@") {
                #expect(Known.metrics.contains(String(found.1)), "\(path): \(found.0)")
            }
        }
    }

    @Test(arguments: pages)
    func everyCommandAndOptionThatIsNamedExists(path: String) {
        let page = Markdown(path)
        for text in page.ticked + page.code {
            let line = text.hasPrefix("$ ") ? String(text.dropFirst(2)) : text
            let words = line.prefix { $0 != "#" && $0 != "|" }.split(separator: " ").map(
                String.init)
            guard let first = words.first.map({ $0.trimmed }) else { continue }
            let options = words.dropFirst().filter { $0.hasPrefix("--") }
                .map { String($0.dropFirst(2).prefix { $0 != "=" }) }
            let program: String? =
                switch first {
                case "status-proxy": Known.command(words.dropFirst().first)
                case "upstream-sandbox": Known.sandbox
                default: Known.looksLikePath(first) && Known.isPath(first) ? House.text(first) : nil
                }
            if first == "status-proxy" { #expect(program != nil, "\(path): \(line)") }
            guard let program else { continue }
            for option in options {
                #expect(Known.isOption(option, of: program), "\(path): \(line)")
            }
        }
    }

    @Test func everyCommandHasItsRow() {
        let rows = TableReader.rows(in: "docs/operating.md", below: "## Commands")
        let shown = rows.compactMap { row in
            row[0].ticked.first?.split(separator: " ").dropFirst().first.map(String.init)
        }
        expectEqual(shown.sorted(), Known.commandNames.sorted())
    }

    @Test(arguments: pages)
    func everyTypeAndTestThatIsNamedExists(path: String) {
        for word in Markdown(path).ticked
        where word.wholeMatch(of: /[A-Z][a-z]+(?:[A-Z][A-Za-z]*)+/) != nil {
            #expect(Known.words.contains(word), "\(path): \(word)")
        }
    }

    /// Members, fields of the log, reasons and codes.
    @Test(arguments: pages)
    func everyWordOfAnAnswerOrALogLineExists(path: String) {
        for word in Markdown(path).ticked where !word.hasPrefix("status_proxy_") {
            guard word.wholeMatch(of: /[a-z]+(?:[_-][a-z]+)+/) != nil else { continue }
            #expect(Known.words.contains(word), "\(path): \(word)")
        }
    }

    @Test func everyRouteHasItsPlaceOnThePageOfTheAPI() {
        let named = Markdown("docs/api.md").routes
        #expect(Known.routes.count > 8)
        for route in Known.routes {
            #expect(named.contains { Known.path($0, isOf: route) }, "\(route)")
        }
    }

    /// The codes in the table of `ProblemDetailsTests`, which is compared with the type.
    @Test func everyCodeOfAProblemStandsOnThePageOfTheAPI() {
        let tested = House.text("Tests/StatusAPITests/ProblemDetailsTests.swift")
            .matches(of: /\(?\s*\.\w+, "([a-z-]+)", (\d{3}),/).map { "\($0.2) \($0.1)" }
        let rows = TableReader.rows(in: "docs/api.md", below: "## Problems")
        let shown = rows.flatMap { row in row[1].ticked.map { "\(row[0]) \($0)" } }
        #expect(tested.count > 10)
        expectEqual(shown.sorted(), tested.sorted())
    }

    /// Figures are stated where they are measured; other pages repeat them exactly.
    @Test(arguments: ["README.md", "docs/guarantees.md", "docs/performance.md"])
    func everyFigureStandsOnTheBenchmarksPage(path: String) {
        let measured = House.text("bench/README.md")
        let cells = Markdown(path).prose.filter { $0.hasPrefix("|") && $0.contains(/\| \*{0,2}\d/) }
            .flatMap { $0.split(separator: "|").dropFirst().map(\.trimmed) }
            .map { $0.replacing("**", with: "") }
            .filter { $0.first?.isNumber ?? false && !$0.contains(" min") }
        #expect(cells.count > 10)
        for cell in cells { #expect(measured.utf8Contains(cell), "\(path): \(cell)") }
    }
}

/// The existing names, from the sources that define them.
private enum Known {
    // MARK: Files

    private static let folders = Set(
        House.trackedPaths.flatMap { path in
            path.indices.filter { path[$0] == "/" }.map { String(path[..<$0]) }
        })
    private static let roots = Set(folders.filter { !$0.contains("/") })
    private static let files = Set(House.trackedPaths)
    private static let fileNames = Set(
        House.trackedPaths.compactMap { $0.split(separator: "/").last })

    /// Below one of the package's folders, or a file with a known extension.
    static func looksLikePath(_ word: String) -> Bool {
        let parts = word.split(separator: "/")
        guard let first = parts.first, !word.hasPrefix("/") else { return false }
        if word.contains("/") { return roots.contains(String(first)) }
        return word.wholeMatch(of: /[\w.+-]+\.(?:swift|md|sql|http|py)/) != nil
    }

    /// A tracked file or folder; for a bare name, any file with that name.
    static func isPath(_ word: String) -> Bool {
        let path = word.hasSuffix("/") ? String(word.dropLast()) : word
        return files.contains(path) || folders.contains(path)
            || !path.contains("/") && fileNames.contains(path[...])
    }

    // MARK: Settings

    private static func quoted(_ path: String, _ pattern: Regex<(Substring, Substring)>) -> Set<
        String
    > {
        Set(House.text(path).matches(of: pattern).map { String($0.1) })
    }

    private static let settings = quoted(
        "Sources/StatusProxy/Settings/SettingName.swift", /= "([A-Z_]+)"/)
    private static let aspects = quoted(
        "Sources/StatusProxy/Settings/SourceSetting.swift", /case \w+ = "([A-Z_]+)"/)
    private static let libcurls: Set = ["HTTPS_PROXY", "NO_PROXY"]
    /// Sources that the pages use as examples.
    private static let sources = ["X", "ORDERS", "ORDERS_DE", "VOUCHERS", "JOBS"]

    /// A setting of the service, or a variable or word that the programs know.
    static func isSetting(_ name: String) -> Bool {
        settings.contains(name)
            || sources.contains { source in
                name.hasPrefix(source + "_")
                    && aspects.contains(String(name.dropFirst(source.count + 1)))
            }
            || programWords.contains(name) || libcurls.contains(name)
    }

    // MARK: Routes

    private static let contract = House.text("openapi/status-proxy.yaml")
    static let routes = contract.matches(of: /\n  (\/[^\n:]*):\n/).map { String($0.1) }
    static let parameters = Set(
        contract.matches(of: /name: ([a-z_]+)\n +in: query/).map { String($0.1) })
    /// Routes of upstreams, of the sandbox and of the system, as code and deployment name them.
    private static let others = House.trackedPaths.filter {
        $0.hasPrefix("Sources/") && $0.hasSuffix(".swift") || $0.hasPrefix("deploy/")
            || $0.hasPrefix("scripts/") || $0.hasPrefix("examples/")
    }.map(House.text).joined(separator: "\n")

    static func path(_ path: String, isOf route: String) -> Bool {
        let parts = route.split(separator: "/"), given = path.split(separator: "/")
        return parts.count == given.count
            && zip(parts, given).allSatisfy { $0 == "{id}" || $0 == $1 }
    }

    static func isRoute(_ path: String) -> Bool {
        routes.contains { Self.path(path, isOf: $0) } || others.utf8Contains(path)
    }

    // MARK: Metrics

    /// Without their common prefix.
    static let metrics: Set<String> = {
        let families = House.sources.filter { $0.path.hasPrefix("Sources/StatusProxy/Observe/") }
            .flatMap {
                House.text($0.path).matches(of: /family\(\s*"([a-z_]+)"/).map { String($0.1) }
            }
        return Set(families.flatMap { [$0, "\($0)_bucket", "\($0)_sum", "\($0)_count"] })
    }()

    // MARK: Commands

    private static let commands = House.sources.map(\.path)
        .filter { $0.hasPrefix("Sources/StatusProxy/Commands/") }.map(House.text)
    static let commandNames = commands.flatMap { text in
        text.matches(of: /commandName: "(\w+)"/).map { String($0.1) }
    }
    static let sandbox = House.text("Sources/UpstreamSandbox/SandboxCommand.swift")

    /// The text that defines a command; an option or nothing in its place means the default command.
    static func command(_ word: String?) -> String? {
        guard let word, !word.hasPrefix("-"), !word.isEmpty else { return commands.joined() }
        return commands.first { $0.contains("commandName: \"\(word)\"") }
    }

    /// Whether a program has that option: declared, built in, or a word of a script.
    static func isOption(_ name: String, of program: String) -> Bool {
        if ["help", "version", "generate-completion-script"].contains(name) { return true }
        let variable = name.split(separator: "-").enumerated()
            .map { $0.offset == 0 ? String($0.element) : $0.element.capitalized }.joined()
        return program.contains("var \(variable)") || program.contains("--\(name)")
            || program.contains("\"\(name)\"")
    }

    // MARK: Types

    /// Every word of code, tests, scripts and deployment files, with and without its hyphens.
    static let words = ["Tests/", "Package.swift", "Dockerfile"]
        .reduce(into: programWords) { $0.formUnion(words(below: $1)) }
    private static let programWords = ["Sources/", "deploy/", "scripts/"]
        .reduce(into: Set<String>()) { $0.formUnion(words(below: $1)) }

    private static func words(below folder: String) -> Set<String> {
        House.trackedPaths.filter { $0.hasPrefix(folder) && !$0.hasSuffix(".md") }
            .reduce(into: []) { words, path in
                for whole in House.bytes(path).split(whereSeparator: { !isPartOfAWord($0) }) {
                    for word in [whole] + whole.split(separator: UInt8(ascii: "-")) {
                        words.insert(String(decoding: word, as: UTF8.self))
                    }
                }
            }
    }

    private static func isPartOfAWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension Substring {
    fileprivate var capitalized: String { prefix(1).uppercased() + dropFirst() }
}
