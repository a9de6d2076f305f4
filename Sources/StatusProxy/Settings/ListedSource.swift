// Which sources there are: SOURCES and each one's kind come in, checked names come out.

import StatusCore

/// A source by its name and kind.
struct ListedSource: Sendable {
    let source: Source
    let kind: SourceKind
    /// It stands in SOURCES, so it has to be complete.
    let isRequired: Bool

    /// What the names of its variables begin with.
    var prefix: String { source.variablePrefix }

    func variable(_ aspect: SourceAspect) -> String { source.variable(aspect) }

    var settings: [SourceSetting] {
        SourceAspect.allCases.filter { $0.exists(in: kind) }.map {
            SourceSetting(source: self, aspect: $0)
        }
    }

    /// Sources that are there without SOURCES, if they have credentials.
    static let defaultKinds: [(name: String, kind: SourceKind)] = [
        ("orders", .miraklOrders), ("vouchers", .voucherify),
    ]
}

extension Source {
    var variablePrefix: String { name.uppercased().replacing("-", with: "_") + "_" }

    func variable(_ aspect: SourceAspect) -> String { variablePrefix + aspect.rawValue }
}

extension ListedSource {
    /// `texts`: all that was given, by name.
    static func list(_ texts: [String: String]) throws(SettingFailure) -> [ListedSource] {
        let sources = try names(texts)
        try checkPrefixes(sources)
        var listed: [ListedSource] = []
        for source in sources {
            listed.append(
                ListedSource(
                    source: source, kind: try kind(of: source, texts),
                    isRequired: texts[SettingName.sources.name] != nil))
        }
        return listed
    }

    private static func names(_ texts: [String: String]) throws(SettingFailure) -> [Source] {
        let text = texts[SettingName.sources.name] ?? SettingName.sources.defaultText ?? ""
        var sources: [Source] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let name = part.wholeMatch(of: /\s*(\S*)\s*/)?.1 ?? ""
            guard let source = Source(String(name)) else {
                throw SettingFailure(
                    SettingName.sources,
                    "'\(part)' is not a source's name: give lower-case letters, digits and hyphens, at"
                        + " most \(Source.nameBytesMax), with a letter first, like orders,orders-de"
                )
            }
            guard !sources.contains(source) else {
                throw SettingFailure(SettingName.sources, "'\(source)' is listed twice")
            }
            sources.append(source)
        }
        guard sources.count <= Source.countMax else {
            throw SettingFailure(
                SettingName.sources,
                "these are \(sources.count) sources: list at most \(Source.countMax)")
        }
        return sources
    }

    /// The longest prefix that fits a variable's name says whose it is. So no variable of a source with a
    /// shorter one, and none of the service, may begin with a source's.
    private static func checkPrefixes(_ sources: [Source]) throws(SettingFailure) {
        let general = SettingName.allCases.map(\.name) + RawSettings.others
        for source in sources {
            let prefix = source.variablePrefix
            let owned = sources.filter { $0.variablePrefix.count < prefix.count }.flatMap { other in
                SourceAspect.allCases.map(other.variable)
            }
            guard let taken = (general + owned).first(where: { $0.hasPrefix(prefix) }) else {
                continue
            }
            throw SettingFailure(
                SettingName.sources,
                "'\(source)' cannot be a source's name here: \(taken) would be read as one of its"
                    + " settings; give it another name")
        }
    }

    private static func kind(
        of source: Source, _ texts: [String: String]
    ) throws(SettingFailure) -> SourceKind {
        let names = SourceKind.all.map(\.name).joined(separator: ", ")
        let variable = source.variable(.kind)
        guard let text = texts[variable] else {
            if let usual = defaultKinds.first(where: { $0.name == source.name }) {
                return usual.kind
            }
            throw SettingFailure(name: variable, problem: "it must be set, to one of: \(names)")
        }
        guard let kind = SourceKind.named(text) else {
            throw SettingFailure(name: variable, problem: "'\(text)' is not one of: \(names)")
        }
        return kind
    }
}
