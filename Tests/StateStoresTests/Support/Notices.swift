// The notices that a store's listener has received, in order.

import Locking
import StatusCore
import TestSupport

final class Notices: Sendable {
    private let heard = Guarded<[StoreNotice]>([])

    var all: [StoreNotice] { heard.withLock { $0 } }

    func add(_ notice: StoreNotice) { heard.withLock { $0.append(notice) } }

    func until(_ isEnough: ([StoreNotice]) -> Bool) async throws {
        try await eventually("enough notices; got \(all)") { isEnough(all) }
    }
}
