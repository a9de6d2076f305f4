// Every call that arrived, in the order of arrival: the judge of how often an upstream is called.

import StatusCore

struct Audit: Sendable {
    /// Calls kept; later ones are only counted, and the report says that it is incomplete.
    static let callsMax = 200_000
    static let idBytesMax = 256

    struct Arrival: Equatable, Sendable {
        var at: Instant
        var source: API
        var kind: Kind
        /// The status that was answered, or what was done instead.
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
