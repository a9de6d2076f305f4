// The audit's computation: arrivals come in, counts and gaps go out.

import StatusCore

/// The calls of one upstream.
struct AuditReport: Equatable, Sendable {
    struct Line: Equatable, Sendable {
        var id: String
        var calls: Int
        /// Between two consecutive calls; nil for a single call.
        var smallestGap: Duration?
    }

    /// The look-ups, which an upstream's call limit counts.
    var calls = 0
    var tokenFetches = 0
    /// In the order of first arrival.
    var lines: [Line] = []
    /// Between two look-ups of the same id.
    var smallestGap: Duration?
    /// The most calls in any 60 s; and below, the start of the first such window.
    var busiestMinute = 0
    var busiestMinuteBegan: Instant?

    init(_ arrivals: [Audit.Arrival], of source: API) {
        var byID = Gaps()
        var counted: [Instant] = []
        for arrival in arrivals where arrival.source == source {
            switch arrival.kind {
            case .token: tokenFetches += 1
            case .look(let id):
                byID.add(id, at: arrival.at)
                counted.append(arrival.at)
            }
        }
        calls = counted.count
        lines = byID.lines
        smallestGap = lines.compactMap(\.smallestGap).min()
        (busiestMinute, busiestMinuteBegan) = Self.busiest(counted)
    }

    /// The window [t, t + 60 s) with the most calls; some such window begins at a call.
    private static func busiest(_ times: [Instant]) -> (Int, Instant?) {
        var most = 0
        var began: Instant?
        var first = 0
        for (index, time) in times.enumerated() {
            while times[first] + .seconds(60) <= time { first += 1 }
            guard index - first + 1 > most else { continue }
            most = index - first + 1
            began = times[first]
        }
        return (most, began)
    }

    /// Counts and gaps by name.
    private struct Gaps {
        private(set) var lines: [Line] = []
        private var places: [String: (line: Int, last: Instant)] = [:]

        mutating func add(_ id: String, at time: Instant) {
            guard let place = places[id] else {
                places[id] = (lines.count, time)
                lines.append(Line(id: id, calls: 1, smallestGap: nil))
                return
            }
            let gap = time - place.last
            lines[place.line].calls += 1
            lines[place.line].smallestGap = min(lines[place.line].smallestGap ?? gap, gap)
            places[id] = (place.line, time)
        }
    }
}
