// The rules of time and number that the tracker keeps: settings turned into values.

/// The limits of one upstream.
public struct SourcePolicy: Sendable, Equatable {
    /// Two calls for one action are at least that far apart.
    public var minInterval: Duration
    /// The interval of an old action, or of one whose refresh keeps failing.
    public var maxInterval: Duration
    /// The whole call's deadline.
    public var callDeadline: Duration
    public var budget: BudgetLimits
    /// Ids of that shape are looked up here first; nil: of none.
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

    /// What is added to the interval because clocks disagree: long intervals need more of it.
    public var slew: Duration { max(GateTiming.slew, minInterval / 1000) }

    /// How long an uncompleted reservation keeps the gate shut. The margin covers the least slew.
    public var hold: Duration {
        GateTiming.sendWindow + callDeadline + minInterval + GateTiming.margin
            + (slew - GateTiming.slew)
    }

    /// How long a reserved call can still be under way.
    public var flightMax: Duration { GateTiming.sendWindow + callDeadline + GateTiming.margin }
}

/// The gate protocol's own spans.
public enum GateTiming {
    /// A call is sent only that long after its reservation was asked for (invariant 3).
    public static let sendWindow = Duration.seconds(2)
    /// For what no deadline covers: scheduling, the last packet's way.
    public static let margin = Duration.seconds(1)
    /// Two clocks disagree by up to 500 ppm while they are slewed: 30 ms a minute. Enough for
    /// intervals of up to 100 s, see ``SourcePolicy/slew``.
    public static let slew = Duration.milliseconds(100)
    /// A gate that is shut without a time to open is not tried again for that long.
    public static let shutLeast = Duration.seconds(1)
}

/// What the tracker needs to know of the settings.
public struct TrackerPolicy: Sendable, Equatable {
    public let sources: PerSource<SourcePolicy>
    /// The configured sources, in the order in which they are listed.
    public var configured: [Source] { sources.sources }
    /// How long a request is held for a refresh, counted from the refresh's start.
    public var refreshWait: Duration
    public var staleMax: Duration
    public var terminalTTL: Duration
    /// Actions held in memory; the store has the rest.
    public var actionsMax: Int
    /// The same for the bytes of their states.
    public var bytesMax: Int
    /// Requests held at once; one more gets ``Problem/Code/overloaded``.
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

    /// How long a request is held at most when nothing is stored: the token, the slot, and the whole
    /// call.
    func coldWait(_ source: Source) -> Duration {
        guard let limits = sources[source] else { return .zero }
        return GateTiming.sendWindow + limits.callDeadline + GateTiming.margin
    }

    /// When several sources are asked at once and one has answered, its answer waits that long for
    /// the others', so that an id that two know is ambiguous from the first request on.
    public static let rivalWait = Duration.milliseconds(250)
}
