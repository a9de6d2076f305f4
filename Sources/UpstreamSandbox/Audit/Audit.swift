// Records every call in the order of arrival, to judge how often an upstream is called.

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
