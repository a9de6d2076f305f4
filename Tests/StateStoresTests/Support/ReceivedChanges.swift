// The change notifications that a store's listener has received, in order.

import Locking
import StatusCore
import TestSupport

final class ReceivedChanges: Sendable {
    private let received = Guarded<[ChangeNotification]>([])

    var all: [ChangeNotification] { received.withLock { $0 } }

    func add(_ notification: ChangeNotification) { received.withLock { $0.append(notification) } }

    func until(_ isEnough: ([ChangeNotification]) -> Bool) async throws {
        try await eventually("enough notifications; got \(all)") { isEnough(all) }
    }
}
