// Names of sources for tests. Linked into every target that needs them, since a member is visible only
// where its module is imported.

import StatusCore

extension Source {
    static let orders = named("orders")
    static let vouchers = named("vouchers")
    static let both = [orders, vouchers]

    static func named(_ name: String) -> Source {
        guard let source = Source(name) else { preconditionFailure("'\(name)' is no name") }
        return source
    }
}
