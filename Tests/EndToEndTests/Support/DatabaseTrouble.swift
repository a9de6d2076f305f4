// Faults that make a database unusable to running replicas, although it may still be reachable.

/// A kind of fault. `TroubledDatabase` causes it.
enum DatabaseTrouble: String, CaseIterable, Sendable {
    /// Other clients use all that `max_connections` allows.
    case connectionsUsedUp
    /// In the server, while another session holds the lock that all replicas need.
    case everyStatementTakesTwoSeconds
    case clockWentAhead
    case clockWasSetBack
    case wiped
    case oldBackup
    /// To a synchronous standby, which has all that was committed.
    case failoverThatLostNothing
    /// To an asynchronous standby, while the replica that made the lost call is gone, too.
    case failoverThatLostACall

    static let hindrances = allCases.filter { !$0.isLossOfThePast }
    static let losses = allCases.filter { $0.isLossOfThePast }

    /// Whether it is reachable but its history cannot be trusted.
    var isLossOfThePast: Bool {
        switch self {
        case .connectionsUsedUp, .everyStatementTakesTwoSeconds: false
        case .clockWentAhead, .clockWasSetBack, .wiped, .oldBackup, .failoverThatLostNothing,
            .failoverThatLostACall:
            true
        }
    }

    /// How many calls never reached the standby; nil without a standby.
    var callsLost: Int? {
        switch self {
        case .failoverThatLostNothing: 0
        case .failoverThatLostACall: 1
        case .connectionsUsedUp, .everyStatementTakesTwoSeconds, .clockWentAhead, .clockWasSetBack,
            .wiped, .oldBackup:
            nil
        }
    }

    /// What each replica's log must contain.
    var words: String {
        switch self {
        case .connectionsUsedUp: "too many clients already"
        case .everyStatementTakesTwoSeconds: "in time"
        case .clockWentAhead, .clockWasSetBack, .wiped, .oldBackup, .failoverThatLostNothing,
            .failoverThatLostACall:
            "no calls until"
        }
    }
}
