// Which obstacles stand in an upstream's way: operators are told once of each begin and each end.

/// The obstacles of one upstream.
struct Obstacles: Sendable {
    private(set) var standing: [Obstacle] = []

    /// One that comes back within that time is the same: a budget is spent again as soon as it is renewed,
    /// and after a pause one call shows whether the upstream has still had enough.
    static let goneLeast = Duration.seconds(5)

    /// Those whose time is not over.
    func standing(_ now: Instant) -> [Obstacle] { standing.filter { $0.stands(now) } }

    /// Returns whether it is a new one.
    mutating func insert(_ obstacle: Obstacle) -> Bool {
        guard let index = standing.firstIndex(where: { $0.kind == obstacle.kind }) else {
            standing.append(obstacle)
            return true
        }
        standing[index].until = obstacle.until
        standing[index].fault = obstacle.fault ?? standing[index].fault
        return false
    }

    mutating func extend(_ kind: Obstacle.Kind, until instant: Instant) {
        guard let index = standing.firstIndex(where: { $0.kind == kind }) else { return }
        standing[index].until = instant
    }

    func find(_ kind: Obstacle.Kind) -> Obstacle? { standing.first { $0.kind == kind } }

    mutating func remove(_ kind: Obstacle.Kind) { standing.removeAll { $0.kind == kind } }

    /// When the first of them is over, if nothing happens.
    var nextEnd: Instant? {
        standing.compactMap { $0.kind.endsByTime ? $0.until : nil }.min().map {
            $0 + Self.goneLeast
        }
    }
}

extension ActionTracker {
    mutating func obstruct(_ source: Source, _ obstacle: Obstacle) {
        guard let isNew = upstreams[source]?.obstacles.insert(obstacle) else { return }
        effects.append(.note(.obstructed(source, obstacle, isNew: isNew)))
        if isNew { planObstaclesEnd(source) }
    }

    mutating func clear(_ source: Source, _ kind: Obstacle.Kind) {
        guard let obstacle = upstreams[source]?.obstacles.find(kind) else { return }
        upstreams[source]?.obstacles.remove(kind)
        effects.append(.note(.cleared(source, obstacle)))
    }

    /// Clears those whose time is over.
    mutating func clearObstaclesOver(_ source: Source) {
        for obstacle in upstreams[source]?.obstacles.standing ?? [] {
            guard obstacle.kind.endsByTime, let until = obstacle.until,
                until + Obstacles.goneLeast <= now
            else { continue }
            if obstacle.kind == .pause, upstreams[source]?.isProbingPause == true {
                upstreams[source]?.obstacles.extend(.pause, until: now)
            } else {
                clear(source, obstacle.kind)
            }
        }
        planObstaclesEnd(source)
    }

    private mutating func planObstaclesEnd(_ source: Source) {
        guard let end = upstreams[source]?.obstacles.nextEnd, !isDraining else { return }
        wakes.insert(.source(source), at: max(end, now + .milliseconds(1)))
    }

    /// What a call's fault, or its success, shows of our means to make calls.
    mutating func judgeMeans(_ fault: UpstreamFault?, _ source: Source) {
        if fault?.kind == .unauthorized {
            return obstruct(source, Obstacle(.credential, fault: fault))
        }
        guard fault?.kind.meansNoCall != true else { return }
        clear(source, .resources)
        // A call that came to no answer says nothing of its credential.
        if fault?.httpStatus != nil || fault == nil { clear(source, .credential) }
    }
}
