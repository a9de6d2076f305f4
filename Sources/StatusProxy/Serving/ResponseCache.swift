// Answers that can be served without the tracker: written by the engine, read by every loop.

import Locking
import StatusAPI
import StatusCore

extension Snapshot {
    /// Whether it answers a request with that source and that wait.
    fileprivate func suits(_ source: Source?, _ patience: borrowing Question.Patience) -> Bool {
        let document = answer.document
        guard source ?? document.source == document.source else { return false }
        // A wait for a finished action ends at once.
        return patience.isNone || document.isDone
    }
}

/// The published answers, in shards so that loops rarely contend.
///
/// Looked up by a hash of the id's bytes, so that a request needs no string. Of two ids with the
/// same hash the later is kept, and the engine answers the other one: slower, but never wrong. The
/// hash has a random seed, so that nobody outside can construct collisions.
final class ResponseCache: Sendable {
    /// 100,000 answers, the default bound, fill the tables of as many shards to 60 %; those of 64 would grow.
    private static let shardCount: UInt64 = 80
    private let shards: [Guarded<[UInt64: Snapshot]>]
    private let seed = UInt64.random(in: .min ... .max)

    init() {
        shards = (0..<Self.shardCount).map { _ in Guarded([:]) }
    }

    /// The answer for an id, given by its bytes; nil: the tracker has to be asked.
    func answer(
        for id: Span<UInt8>, _ source: Source?, _ patience: borrowing Question.Patience,
        now: Instant
    ) -> Snapshot? {
        let hash = hash(id)
        guard let found = shard(hash).withLock({ $0[hash] }), now < found.servableUntil,
            found.isAbout(id), found.suits(source, patience)
        else { return nil }
        return found
    }

    /// The answer to a question; nil: the tracker has to be asked.
    func answer(to question: Question, now: Instant) -> RenderedAnswer? {
        var id = question.id.text
        return id.withUTF8 {
            answer(for: $0.span, question.source, question.patience, now: now)
                .map { RenderedAnswer($0, clocks: SystemClock.both()) }
        }
    }

    func publish(_ id: ActionID, _ snapshot: Snapshot) {
        let hash = hash(of: id)
        shard(hash).withLock { $0[hash] = snapshot }
    }

    func withdraw(_ id: ActionID) {
        let hash = hash(of: id)
        shard(hash).withLock { answers in
            if answers[hash]?.isAbout(id.text.utf8.span) == true { answers[hash] = nil }
        }
    }

    private func shard(_ hash: UInt64) -> Guarded<[UInt64: Snapshot]> {
        shards[Int(hash % Self.shardCount)]
    }

    private func hash(of id: ActionID) -> UInt64 { id.hash(seed: seed) }

    private func hash(_ id: Span<UInt8>) -> UInt64 { ActionID.hash(id, seed: seed) }
}
