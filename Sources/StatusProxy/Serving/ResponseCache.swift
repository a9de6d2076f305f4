// Answers that may be served without asking the tracker: written by the engine, read by every loop.

import Glibc
import Locking
import StatusAPI
import StatusCore

/// A rendered answer, and until when it may be served.
final class CachedResponse: Sendable {
    let id: ActionID
    let rendered: RenderedAnswer
    let servableUntil: Instant

    init(_ id: ActionID, _ snapshot: Snapshot, clocks: Clocks) {
        self.id = id
        rendered = RenderedAnswer(snapshot.shared, clocks: clocks)
        servableUntil = snapshot.servableUntil
    }

    /// Whether it answers who asks that source and has that patience.
    func suits(_ source: Source?, _ patience: borrowing Question.Patience) -> Bool {
        let document = rendered.answer.document
        guard source ?? document.source == document.source else { return false }
        // Who waits for news of a finished action need not wait.
        return patience.isNone || document.isDone
    }

    func isFor(_ bytes: Span<UInt8>) -> Bool {
        let text = id.text.utf8.span
        guard text.count == bytes.count else { return false }
        let isSame = text.withUnsafeBytes { text in
            bytes.withUnsafeBytes { bytes in
                guard let first = text.baseAddress, let second = bytes.baseAddress else {
                    return false
                }
                return memcmp(first, second, text.count) == 0
            }
        }
        return isSame || id.isSpelled(bytes)
    }
}

/// The published answers, in shards so that loops seldom meet.
///
/// Found by a hash of the id's bytes, so that a request's bytes need not become a string. Of two ids
/// with one hash the later is kept and the other is answered by the engine: slower, never
/// wrong. The hash has a seed of its own, so nobody outside can make ids collide.
final class ResponseCache: Sendable {
    private static let shardCount: UInt64 = 64
    private let shards: [Guarded<[UInt64: CachedResponse]>]
    private let seed = UInt64.random(in: .min ... .max)

    init() {
        shards = (0..<Self.shardCount).map { _ in Guarded([:]) }
    }

    /// The answer for an id, given by its bytes; nil: ask the tracker.
    func answer(
        for id: Span<UInt8>, _ source: Source?, _ patience: borrowing Question.Patience,
        now: Instant
    ) -> CachedResponse? {
        let hash = hash(id)
        guard let found = shard(hash).withLock({ $0[hash] }), now < found.servableUntil,
            found.isFor(id), found.suits(source, patience)
        else { return nil }
        return found
    }

    /// The answer to a question; nil: ask the tracker.
    func answer(to question: Question, now: Instant) -> RenderedAnswer? {
        var id = question.id.text
        return id.withUTF8 {
            answer(for: $0.span, question.source, question.patience, now: now)?.rendered
        }
    }

    func publish(_ id: ActionID, _ snapshot: Snapshot, clocks: Clocks) {
        let hash = hash(of: id)
        let cached = CachedResponse(id, snapshot, clocks: clocks)
        shard(hash).withLock { $0[hash] = cached }
    }

    func withdraw(_ id: ActionID) {
        let hash = hash(of: id)
        shard(hash).withLock { answers in
            if answers[hash]?.id == id { answers[hash] = nil }
        }
    }

    private func shard(_ hash: UInt64) -> Guarded<[UInt64: CachedResponse]> {
        shards[Int(hash % Self.shardCount)]
    }

    private func hash(of id: ActionID) -> UInt64 {
        var text = id.text
        return text.withUTF8 { hash($0.span) }
    }

    /// Multiply and fold, eight bytes at a time. Letter case does not count where it may not: in a UUID.
    private func hash(_ id: Span<UInt8>) -> UInt64 {
        let bytes = id.bytes
        let lower: UInt64 = id.count == ActionID.uuidBytes ? 0x2020_2020_2020_2020 : 0
        var hash = seed ^ UInt64(id.count)
        var index = 0
        while index + 8 <= id.count {
            hash = Self.mix(
                hash
                    ^ (bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self) | lower))
            index += 8
        }
        var rest: UInt64 = 0
        while index < id.count {
            rest = rest << 8 | UInt64(id[index])
            index += 1
        }
        return Self.mix(hash ^ (rest | lower))
    }

    private static func mix(_ word: UInt64) -> UInt64 {
        let (high, low) = word.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return high ^ low
    }
}
