// Cleans messages of upstreams for problem details and logs.

/// Cleans the text of an upstream's error: one short line without secrets.
///
/// Anyone can use a report link, and an upstream may quote the credential that it refuses. So a
/// word with a link becomes `[link]`, and a long run of letters and digits other than the requested
/// id becomes `[hidden]`.
enum FaultText {
    /// The part of the text that is cleaned; the rest is cut anyway.
    static let scalarsMax = 4096
    /// Ids of parts, dates and error codes are shorter; tokens and keys are longer.
    static let runBytesMax = 19

    /// Nil if nothing is left.
    static func clean(_ text: String, keeping id: ActionID) -> String? {
        let words = text.unicodeScalars.prefix(scalarsMax)
            .split { $0.properties.isWhitespace }
            .map { clean(word: $0, keeping: id) }
            .filter { !$0.isEmpty }
        let line = cut(words.joined(separator: " "), to: UpstreamFault.messageBytesMax)
        return line.isEmpty ? nil : line
    }

    private static func clean(word: Substring.UnicodeScalarView, keeping id: ActionID) -> String {
        var visible = String.UnicodeScalarView()
        visible.append(contentsOf: word.filter { !isInvisible($0) })
        if isLink(Array(String(visible).utf8)) { return "[link]" }
        return hidingLongRuns(in: visible, keeping: id)
    }

    /// Control characters can forge log lines; format characters can reverse or hide the text
    /// beside them.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format: true
        default: false
        }
    }

    // MARK: Links

    /// True for `scheme://…`, also escaped for JSON or a URL, `www.…` and `host.name/…`.
    private static func isLink(_ word: [UInt8]) -> Bool {
        let word = word.map { $0 | 0x20 }
        let marks = ["://", ":\\/", "%2f%2f", "www."].map { $0.utf8.map { $0 | 0x20 } }
        if marks.contains(where: { contains($0, in: word) }) { return true }
        guard let slash = word.firstIndex(of: UInt8(ascii: "/")) else { return false }
        return word[..<slash].contains(UInt8(ascii: "."))
    }

    private static func contains(_ part: [UInt8], in word: [UInt8]) -> Bool {
        guard word.count >= part.count else { return false }
        return (0...word.count - part.count).contains { word[$0...].starts(with: part) }
    }

    // MARK: Long runs

    private static func hidingLongRuns(
        in word: String.UnicodeScalarView, keeping id: ActionID
    ) -> String {
        var rest = word[...]
        var line = ""
        while let first = rest.first {
            let run = rest.prefix { isRunScalar($0) == isRunScalar(first) }
            rest = rest.dropFirst(run.count)
            line += looksSecret(run, id) ? "[hidden]" : String(run)
        }
        return line
    }

    private static func looksSecret(
        _ run: Substring.UnicodeScalarView, _ id: ActionID
    ) -> Bool {
        run.count > runBytesMax && run.allSatisfy(isRunScalar)
            && run.contains { ("0"..."9").contains($0) } && ActionID(String(run)) != id
    }

    private static func isRunScalar(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.isASCII else { return false }
        return ActionID.isAlphanumeric(UInt8(ascii: scalar))
            || scalar == "-" || scalar == "_" || scalar == "+"
    }

    // MARK: Length

    /// The longest prefix that fits and does not end inside a scalar.
    private static func cut(_ text: String, to bytesMax: Int) -> String {
        guard text.utf8.count > bytesMax else { return text }
        var short = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            if bytes > bytesMax { break }
            short.append(scalar)
        }
        return String(short)
    }
}
