// Answers that may be served without asking the tracker: written by the engine, read by every loop.

import Locking
import StatusCore

/// The published answers, in shards so that loops seldom meet.
final class AnswerBoard: Sendable {
    private static let shardCount = 64
    private let shards: [Shard]

    /// A class, because a mutex cannot be moved and so cannot stand in an array.
    private final class Shard: Sendable {
        let answers = Guarded<[ActionID: Publication]>([:])
    }

    init() {
        shards = (0..<Self.shardCount).map { _ in Shard() }
    }

    /// The answer to a question without patience; nil: ask the tracker.
    func answer(to question: Question, now: Instant) -> Answer? {
        guard question.patience == .none else { return nil }
        guard let found = shard(question.id).answers.withLock({ $0[question.id] }) else {
            return nil
        }
        guard now < found.servableUntil else { return nil }
        let source = found.answer.document.source
        return question.source ?? source == source ? found.answer : nil
    }

    func publish(_ id: ActionID, _ publication: Publication) {
        shard(id).answers.withLock { $0[id] = publication }
    }

    func withdraw(_ id: ActionID) {
        shard(id).answers.withLock { $0[id] = nil }
    }

    private func shard(_ id: ActionID) -> Shard {
        shards[Int(truncatingIfNeeded: id.hashValue) & (Self.shardCount - 1)]
    }
}
