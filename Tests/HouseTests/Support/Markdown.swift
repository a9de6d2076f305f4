// Reads a Markdown file: headings, links, and texts between backticks or in fences.

struct Markdown {
    let path: String
    /// Lines outside fences.
    private(set) var prose: [String] = []
    /// Lines inside fences.
    private(set) var code: [String] = []

    init(_ path: String) {
        self.path = path
        var isInside = false
        for line in House.text(path).split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                isInside.toggle()
            } else if isInside || line.hasPrefix("    ") {
                code.append(String(line))
            } else {
                prose.append(String(line))
            }
        }
    }

    /// The texts between backticks, tables included.
    var ticked: [String] { prose.flatMap(\.ticked) }

    /// Targets of links.
    var links: [String] {
        prose.flatMap { line in line.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1) } }
    }

    /// Paths of requests: alone, after a method, or after the demo's address.
    var routes: [String] {
        (ticked + code).flatMap { text in
            text.matches(of: /(?:^|GET |HEAD |localhost:8080)(\/[a-z{][^ ?'"…<]*|\/$)/)
                .map { String($0.1) }
        }
    }

    /// The anchors that GitHub gives to headings.
    var anchors: Set<String> {
        var seen: [String: Int] = [:]
        var anchors: Set<String> = []
        for line in prose where line.hasPrefix("#") {
            let title = line.drop { $0 == "#" }.dropFirst().lowercased()
            let name = title.filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
                .map { $0 == " " ? "-" : $0 }
            let base = String(name)
            let count = seen[base, default: 0]
            seen[base] = count + 1
            anchors.insert(count == 0 ? base : "\(base)-\(count)")
        }
        return anchors
    }

    /// The target of a link of this page: a path from the root, and an anchor.
    func target(of link: String) -> (path: String, anchor: String?) {
        let halves = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let anchor = halves.count > 1 ? String(halves[1]) : nil
        guard let file = halves.first, !file.isEmpty else { return (path, anchor) }
        var parts = path.split(separator: "/").dropLast()
        for part in file.split(separator: "/") {
            if part == ".." { parts = parts.dropLast() } else if part != "." { parts.append(part) }
        }
        return (parts.joined(separator: "/"), anchor)
    }
}
