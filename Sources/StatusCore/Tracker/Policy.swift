// The tracker's limits and durations, from the settings.

/// The limits of one upstream.
public struct SourcePolicy: Sendable, Equatable {
    /// The least time between two calls for one action.
    public var minInterval: Duration
    /// The interval of an old action, or of one whose refreshes keep failing.
    public var maxInterval: Duration
    /// The whole call's deadline.
    public var callDeadline: Duration
    public var budget: BudgetLimits
    /// Ids of that shape are looked up here first; nil: none.
    public var idPattern: IDPattern?

    public init(
        minInterval: Duration, maxInterval: Duration, callDeadline: Duration, budget: BudgetLimits,
        idPattern: IDPattern? = nil
    ) {
        self.idPattern = idPattern
        self.minInterval = minInterval
        self.maxInterval = maxInterval
        self.callDeadline = callDeadline
        self.budget = budget
    }

    /// The margin for clocks that disagree, which is larger for long intervals.
    public var slew: Duration { max(GateTiming.slew, minInterval / 1000) }

    /// How long an uncompleted reservation keeps the gate shut. The margin covers the least slew.
    public var hold: Duration {
        GateTiming.sendWindow + callDeadline + minInterval + GateTiming.margin
            + (slew - GateTiming.slew)
    }

    /// How long a reserved call can be under way.
    public var flightMax: Duration { GateTiming.sendWindow + callDeadline + GateTiming.margin }
}

/// The durations of the gate protocol.
public enum GateTiming {
    /// A call is sent only within that time after its reservation was requested.
    public static let sendWindow = Duration.seconds(2)
    /// For delays that no deadline covers: scheduling, the last packet's transit.
    public static let margin = Duration.seconds(1)
    /// Two clocks disagree by up to 500 ppm while they are slewed: 30 ms a minute. Enough for
    /// intervals of up to 100 s, see ``SourcePolicy/slew``.
    public static let slew = Duration.milliseconds(100)
    /// How long a gate that is shut without a time to open is not tried again.
    public static let shutLeast = Duration.seconds(1)
}

/// The settings that the tracker needs.
public struct TrackerPolicy: Sendable, Equatable {
    public let sources: PerSource<SourcePolicy>
    /// The configured sources, in the order in which they are listed.
    public var configured: [Source] { sources.sources }
    /// How long a request is held for a refresh, counted from the refresh's start.
    public var refreshWait: Duration
    public var staleMax: Duration
    public var terminalTTL: Duration
    /// The most actions in memory; the store has the rest.
    public var actionsMax: Int
    /// The most bytes of their states.
    public var bytesMax: Int
    /// The most held requests; a further one gets ``Problem/Code/overloaded``.
    public var callersMax: Int
    public static let callersMaxDefault = 100_000

    public init(
        sources: PerSource<SourcePolicy>, refreshWait: Duration, staleMax: Duration,
        terminalTTL: Duration, actionsMax: Int, bytesMax: Int = .max,
        callersMax: Int = callersMaxDefault
    ) {
        self.sources = sources
        self.refreshWait = refreshWait
        self.staleMax = staleMax
        self.terminalTTL = terminalTTL
        self.actionsMax = actionsMax
        self.bytesMax = bytesMax
        self.callersMax = callersMax
    }

    /// The longest time that a request is held if nothing is stored: for the token, the slot, and
    /// the whole call.
    func coldWait(_ source: Source) -> Duration {
        guard let limits = sources[source] else { return .zero }
        return GateTiming.sendWindow + limits.callDeadline + GateTiming.margin
    }

    /// How long the first answer waits for the others when several sources are asked at once, so
    /// that an id that two know is ambiguous from the first request on.
    public static let rivalWait = Duration.milliseconds(250)
}
