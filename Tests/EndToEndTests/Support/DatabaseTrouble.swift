// What can make a database useless to running replicas, though it can still be reached, or nearly.

/// A way in which it comes about. `TroubledDatabase` brings it about.
enum DatabaseTrouble: String, CaseIterable, Sendable {
    /// All that `max_connections` allows are somebody else's.
    case connectionsUsedUp
    /// In the server, the lock that all replicas need being held meanwhile.
    case everyStatementTakesTwoSeconds
    case clockWentAhead
    case clockWasSetBack
    case wiped
    case oldBackup
    /// To a synchronous standby: all that was committed is there.
    case failoverThatLostNothing
    /// To an asynchronous standby, and the replica that made the lost call has gone, too.
    case failoverThatLostACall

    static let hindrances = allCases.filter { !$0.isLossOfThePast }
    static let losses = allCases.filter { $0.isLossOfThePast }

    /// It can be reached, but what it says of the past cannot be believed.
    var isLossOfThePast: Bool {
        switch self {
        case .connectionsUsedUp, .everyStatementTakesTwoSeconds: false
        case .clockWentAhead, .clockWasSetBack, .wiped, .oldBackup, .failoverThatLostNothing,
            .failoverThatLostACall:
            true
        }
    }

    /// How many calls the standby has never heard of; nil where there is no standby.
    var callsLost: Int? {
        switch self {
        case .failoverThatLostNothing: 0
        case .failoverThatLostACall: 1
        case .connectionsUsedUp, .everyStatementTakesTwoSeconds, .clockWentAhead, .clockWasSetBack,
            .wiped, .oldBackup:
            nil
        }
    }

    /// What the log of each replica has to say.
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
