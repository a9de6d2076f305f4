// The sources as a table for people, without secrets.

import StatusCore
import UpstreamCurl

enum SourceTable {
    static func lines(_ settings: Settings) -> [String] {
        let heads = ["source", "kind", "url", "credentials", "interval", "calls", "ids"]
        let rows = settings.configured.compactMap { source in
            settings.sources[source].map { row(source, $0) }
        }
        return TextTable.lines([heads] + rows)
    }

    private static func row(_ source: Source, _ settings: SourceSettings) -> [String] {
        let (policy, endpoint) = (settings.policy, settings.endpoint)
        let interval =
            "\(DurationText.format(policy.minInterval))-\(DurationText.format(policy.maxInterval))"
        let calls =
            ["\(policy.budget.perMinute)/min"] + (policy.budget.perDay.map { ["\($0)/day"] } ?? [])
        return [
            source.name, settings.kind, endpoint.baseURL.text, endpoint.credentials.words, interval,
            calls.joined(separator: ", "), policy.idPattern?.description ?? "-",
        ]
    }
}

enum TextTable {
    /// Pads the cells so that columns are aligned.
    static func lines(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            let line = cells.joined(separator: "  ")
            return String(line.prefix(line.count - line.reversed().prefix { $0 == " " }.count))
        }
    }
}

extension UpstreamCredentials {
    var words: String {
        switch self {
        case .clientCredentials: "client credentials"
        case .fields(let fields):
            fields.isEmpty ? "none" : fields.map(\.part.rawValue).joined(separator: ", ")
        }
    }
}
