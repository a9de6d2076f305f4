// The blocks of an upstream: each begin and each end is noted once.

/// The blocks of one upstream.
struct SourceBlocks: Sendable {
    private(set) var standing: [SourceBlock] = []

    /// A block that returns within that time is the same: a budget is spent again as soon as it is
    /// renewed, and after a pause one call shows whether the upstream asks for another.
    static let goneLeast = Duration.seconds(5)

    /// The blocks whose time is not over.
    func standing(_ now: Instant) -> [SourceBlock] { standing.filter { $0.stands(now) } }

    /// Returns whether it is a new block.
    mutating func insert(_ block: SourceBlock) -> Bool {
        guard let index = standing.firstIndex(where: { $0.kind == block.kind }) else {
            standing.append(block)
            return true
        }
        standing[index].until = block.until
        standing[index].fault = block.fault ?? standing[index].fault
        return false
    }

    mutating func extend(_ kind: SourceBlock.Kind, until instant: Instant) {
        guard let index = standing.firstIndex(where: { $0.kind == kind }) else { return }
        standing[index].until = instant
    }

    func find(_ kind: SourceBlock.Kind) -> SourceBlock? { standing.first { $0.kind == kind } }

    mutating func remove(_ kind: SourceBlock.Kind) { standing.removeAll { $0.kind == kind } }

    /// When the first of them ends without further events.
    var nextEnd: Instant? {
        standing.compactMap { $0.kind.endsByTime ? $0.until : nil }.min().map {
            $0 + Self.goneLeast
        }
    }
}

extension ActionTracker {
    mutating func block(_ source: Source, _ block: SourceBlock) {
        guard let isNew = upstreams[source]?.blocks.insert(block) else { return }
        effects.append(.note(.blocked(source, block, isNew: isNew)))
        if isNew { planBlocksEnd(source) }
    }

    mutating func unblock(_ source: Source, _ kind: SourceBlock.Kind) {
        guard let block = upstreams[source]?.blocks.find(kind) else { return }
        upstreams[source]?.blocks.remove(kind)
        effects.append(.note(.unblocked(source, block)))
    }

    /// Removes blocks whose time is over.
    mutating func endBlocksOver(_ source: Source) {
        for block in upstreams[source]?.blocks.standing ?? [] {
            guard block.kind.endsByTime, let until = block.until,
                until + SourceBlocks.goneLeast <= now
            else { continue }
            if block.kind == .pause, upstreams[source]?.isProbingPause == true {
                upstreams[source]?.blocks.extend(.pause, until: now)
            } else {
                unblock(source, block.kind)
            }
        }
        planBlocksEnd(source)
    }

    private mutating func planBlocksEnd(_ source: Source) {
        guard let end = upstreams[source]?.blocks.nextEnd, !isDraining else { return }
        wake(.source(source), at: max(end, now + .milliseconds(1)))
    }

    /// Applies a call's fault or success to the blocks for credentials and resources.
    mutating func judgeMeans(_ fault: UpstreamFault?, _ source: Source) {
        if fault?.kind == .unauthorized {
            return block(source, SourceBlock(.credential, fault: fault))
        }
        guard fault?.kind.meansNoCall != true else { return }
        unblock(source, .resources)
        // A call without an answer is no result about its credential.
        if fault?.httpStatus != nil || fault == nil { unblock(source, .credential) }
    }
}
