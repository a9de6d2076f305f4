// The notices that a store's listener has received, in order.

import Locking
import StatusCore
import TestSupport

final class Notices: Sendable {
    private let heard = Guarded<[ChangeNotification]>([])

    var all: [ChangeNotification] { heard.withLock { $0 } }

    func add(_ notice: ChangeNotification) { heard.withLock { $0.append(notice) } }

    func until(_ isEnough: ([ChangeNotification]) -> Bool) async throws {
        try await eventually("enough notices; got \(all)") { isEnough(all) }
    }
}
