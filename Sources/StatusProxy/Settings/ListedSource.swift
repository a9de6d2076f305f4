// The list of sources: SOURCES and each source's kind come in, checked names go out.

import StatusCore

/// A source's name and kind.
struct ListedSource: Sendable {
    let source: Source
    let kind: SourceKind
    /// Whether SOURCES lists it, so that it has to be complete.
    let isRequired: Bool

    /// The prefix of its variables.
    var prefix: String { source.variablePrefix }

    func variable(_ aspect: SourceAspect) -> String { source.variable(aspect) }

    var settings: [SourceSetting] {
        SourceAspect.allCases.filter { $0.exists(in: kind) }.map {
            SourceSetting(source: self, aspect: $0)
        }
    }

    /// The sources without SOURCES, each if it has credentials.
    static let defaultKinds: [(name: String, kind: SourceKind)] = [
        ("orders", .miraklOrders), ("vouchers", .voucherify),
    ]
}

extension Source {
    var variablePrefix: String { name.uppercased().replacing("-", with: "_") + "_" }

    func variable(_ aspect: SourceAspect) -> String { variablePrefix + aspect.rawValue }
}

extension ListedSource {
    /// `texts`: all given settings, by name.
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
                    "'\(part)' is not a source's name: give at most \(Source.nameBytesMax) lower-case"
                        + " letters, digits and hyphens, a letter first, such as orders,orders-de"
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

    /// A variable belongs to the source with the longest matching prefix. So no variable of a
    /// source with a shorter prefix, and none of the service, may begin with another source's
    /// prefix.
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
