// What a store's listener has heard, in order.

import Locking
import StatusCore

final class Notices: Sendable {
    private let heard = Guarded<[StoreNotice]>([])

    var all: [StoreNotice] { heard.withLock { $0 } }

    func add(_ notice: StoreNotice) { heard.withLock { $0.append(notice) } }

    func until(_ isEnough: ([StoreNotice]) -> Bool) async throws {
        try await eventually("only heard \(all)") { isEnough(all) }
    }
}

struct NotYet: Error, CustomStringConvertible {
    var description: String
}

/// Looks again and again, for half a minute at most.
func eventually(
    _ what: @autoclosure () -> String, _ isTrue: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try await !isTrue() {
        guard ContinuousClock.now < deadline else { throw NotYet(description: what()) }
        try await Task.sleep(for: .milliseconds(5))
    }
}
