// What requests add to the metrics, in a form that counts without a look-up.

import StatusAPI
import StatusCore

/// How an answer about an action was come by.
enum CacheResult: UInt8, CaseIterable, Sendable {
    case hit, stale, miss, collapsed
    /// A problem: there was nothing to serve.
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

/// Requests by route, status and outcome.
struct RequestCounts: Sendable {
    private static let statuses = 200..<600
    /// Behind the routes, requests that broke the protocol.
    private static let rows = Route.allCases.count + 1

    private var requests = [Int](repeating: 0, count: rows * statuses.count)
    private var results = [Int](repeating: 0, count: CacheResult.allCases.count)
    private(set) var durations = Histogram()
    private(set) var savedCalls = 0

    /// `route`: nil for a request that broke the protocol.
    mutating func count(
        _ route: Route?, status: Int, nanoseconds: Int64, _ result: CacheResult?, savedCalls: Int
    ) {
        let row = route.map { Int($0.rawValue) } ?? Route.allCases.count
        requests[row * Self.statuses.count + status - Self.statuses.lowerBound] += 1
        durations.add(nanoseconds: nanoseconds)
        if let result { results[Int(result.rawValue)] += 1 }
        self.savedCalls += savedCalls
    }

    mutating func count(_ context: borrowing RequestContext, status: Int, _ nanoseconds: Int64) {
        count(
            context.route, status: status, nanoseconds: nanoseconds, context.cacheResult,
            savedCalls: context.savedCalls)
    }

    mutating func add(_ other: RequestCounts) {
        for index in requests.indices { requests[index] += other.requests[index] }
        for index in results.indices { results[index] += other.results[index] }
        durations.add(other.durations)
        savedCalls += other.savedCalls
    }

    /// What has come at least once, by the name of its route and its status.
    var byRoute: [(route: String, status: Int, count: Int)] {
        var counts: [String: [Int: Int]] = [:]
        for (index, count) in requests.enumerated() where count > 0 {
            let row = index / Self.statuses.count
            let route = row < Route.allCases.count ? Route.allCases[row].name : "refused"
            let status = index % Self.statuses.count + Self.statuses.lowerBound
            counts[route.description, default: [:]][status, default: 0] += count
        }
        return counts.sorted { $0.key < $1.key }.flatMap { route, statuses in
            statuses.sorted { $0.key < $1.key }.map { (route, $0.key, $0.value) }
        }
    }

    /// What has come at least once, by name.
    var byResult: [(result: String, count: Int)] {
        CacheResult.allCases.map { ($0.word.description, results[Int($0.rawValue)]) }
            .filter { $0.1 > 0 }.sorted { $0.0 < $1.0 }
    }
}
