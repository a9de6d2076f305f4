// Records every call in the order of arrival, and computes counts and gaps, to judge how often an
// upstream is called.

import StatusCore

struct Audit: Sendable {
    /// The most calls that are recorded; later ones are only counted, and the report is marked
    /// incomplete.
    static let callsMax = 200_000
    static let idBytesMax = 256

    struct Arrival: Equatable, Sendable {
        var at: Instant
        var source: API
        var kind: Kind
        /// The status of the answer, or the misbehaviour instead.
        var outcome: String
    }

    enum Kind: Equatable, Sendable {
        /// A look-up of one id.
        case look(id: String)
        case token
    }

    let callsMax: Int
    private(set) var arrivals: [Arrival] = []
    private(set) var notKept = 0
    private(set) var began: Instant

    init(began: Instant, callsMax: Int = Audit.callsMax) {
        self.began = began
        self.callsMax = callsMax
    }

    mutating func note(_ arrival: Arrival) {
        guard arrivals.count < callsMax else {
            notKept += 1
            return
        }
        arrivals.append(arrival)
    }
}

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
