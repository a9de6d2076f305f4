// The requests' part of the metrics, in arrays that need no look-up.

import StatusAPI
import StatusCore

/// Where an answer about an action came from.
enum CacheResult: UInt8, CaseIterable, Sendable {
    case hit, stale, miss, collapsed
    /// A problem: there was no answer to serve.
    case none

    init(_ answer: Answer) {
        switch answer.service {
        case .hit: self = answer.staleReason == nil ? .hit : .stale
        case .miss: self = .miss
        case .collapsed: self = .collapsed
        }
    }

    var word: StaticString {
        switch self {
        case .hit: "hit"
        case .stale: "stale"
        case .miss: "miss"
        case .collapsed: "collapsed"
        case .none: "none"
        }
    }
}

/// Numbers by source: there are few, so they are found without hashing.
struct SourceTally: Sendable {
    private var rows: [(source: Source, count: Int)] = []

    subscript(source: Source) -> Int { rows.first { $0.source == source }?.count ?? 0 }

    mutating func add(_ count: Int, _ source: Source) {
        guard let index = rows.firstIndex(where: { $0.source == source }) else {
            return rows.append((source, count))
        }
        rows[index].count += count
    }

    mutating func add(_ other: SourceTally) { for row in other.rows { add(row.count, row.source) } }
}

/// Requests by route, status and outcome.
struct RequestCounts: Sendable {
    private static let statuses = 200..<600
    /// The routes, and one row for requests that violated HTTP.
    private static let rows = Route.allCases.count + 1

    private var requests = [Int](repeating: 0, count: rows * statuses.count)
    private var results = [Int](repeating: 0, count: CacheResult.allCases.count)
    private var problems: [ProblemDetails.Code: Int] = [:]
    /// Of requests that were answered at once.
    private(set) var durations = Histogram()
    private(set) var heldDurations = Histogram()
    private(set) var savedCalls = 0
    private(set) var savedCallsBySource = SourceTally()

    /// `route`: nil for a request that violated HTTP.
    mutating func count(
        _ route: Route?, status: Int, nanoseconds: Int64, _ result: CacheResult?, savedCalls: Int,
        problem: ProblemDetails.Code? = nil, isHeld: Bool = false
    ) {
        let row = route.map { Int($0.rawValue) } ?? Route.allCases.count
        requests[row * Self.statuses.count + status - Self.statuses.lowerBound] += 1
        if isHeld {
            heldDurations.add(nanoseconds: nanoseconds)
        } else {
            durations.add(nanoseconds: nanoseconds)
        }
        if let problem { problems[problem, default: 0] += 1 }
        if let result { results[Int(result.rawValue)] += 1 }
        self.savedCalls += savedCalls
    }

    mutating func count(_ context: borrowing RequestContext, status: Int, _ nanoseconds: Int64) {
        count(
            context.route, status: status, nanoseconds: nanoseconds, context.cacheResult,
            savedCalls: context.savedCalls, problem: context.problem, isHeld: context.isHeld)
        if context.actions != nil { savedCallsBySource.add(context.savedCallsBySource) }
        guard let source = context.source, context.savedCalls > 0 else { return }
        savedCallsBySource.add(context.savedCalls, source)
    }

    mutating func add(_ other: RequestCounts) {
        for index in requests.indices { requests[index] += other.requests[index] }
        for index in results.indices { results[index] += other.results[index] }
        durations.add(other.durations)
        heldDurations.add(other.heldDurations)
        problems.merge(other.problems, uniquingKeysWith: +)
        savedCalls += other.savedCalls
        savedCallsBySource.add(other.savedCallsBySource)
    }

    /// By name of route and status: the expected pairs, and any others that occurred.
    var byRoute: [(route: String, status: Int, count: Int)] {
        var counts: [String: [Int: Int]] = [:]
        for (index, count) in requests.enumerated() {
            let row = index / Self.statuses.count
            let route = row < Route.allCases.count ? Route.allCases[row] : nil
            let status = index % Self.statuses.count + Self.statuses.lowerBound
            guard count > 0 || Self.expected(of: route).contains(status) else { continue }
            let name: StaticString = route?.name ?? "refused"
            counts[name.description, default: [:]][status, default: 0] += count
        }
        return counts.sorted { $0.key < $1.key }.flatMap { route, statuses in
            statuses.sorted { $0.key < $1.key }.map { (route, $0.key, $0.value) }
        }
    }

    private static func expected(of route: Route?) -> [Int] {
        switch route {
        case .action: [200, 304, 400, 404, 409, 429, 499, 502, 503, 504]
        case .events: [200, 204, 400, 404, 429]
        case .actions: [200, 304, 400, 429, 499]
        case .explain: [200, 400]
        case .live, .metrics, .sources: [200]
        case .ready: [200, 503]
        case .openAPI, .page: [200, 304]
        case .options: [204]
        case .unknown: [404]
        case .notAllowed: [405]
        case nil: [400, 408, 413, 414, 431, 501, 505]
        }
    }

    var byResult: [(result: String, count: Int)] {
        CacheResult.allCases.map { ($0.word.description, results[Int($0.rawValue)]) }
            .sorted { $0.0 < $1.0 }
    }

    var byProblem: [(code: String, count: Int)] {
        ProblemDetails.Code.allCases.map { ($0.rawValue, problems[$0] ?? 0) }
            .sorted { $0.0 < $1.0 }
    }
}
