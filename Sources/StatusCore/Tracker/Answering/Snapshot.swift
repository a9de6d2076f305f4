// A published answer: one object, shared by the tracker and the response cache.

internal import Synchronization

/// The answer to every request without `source` and `wait`, until `servableUntil`.
public final class Snapshot: Sendable, Equatable {
    /// Nil if the state's bytes contain the id in this spelling, so that most ids are stored once.
    private let otherID: ActionID?
    public let answer: Answer
    public let servableUntil: Instant
    /// Retained. Not an `AtomicLazyReference`, which is not specialized: that took 600 instructions of
    /// each hit.
    private let renderedTail = Atomic<Unmanaged<AnswerTail>?>(nil)

    public init(_ id: ActionID, _ answer: Answer, servableUntil: Instant) {
        otherID = answer.document.id?.text == id.text ? nil : id
        self.answer = answer
        self.servableUntil = servableUntil
    }

    /// For one caller's answer, which is not published.
    public init(_ answer: Answer) {
        otherID = nil
        self.answer = answer
        servableUntil = .distantPast
    }

    public var id: ActionID {
        guard let id = otherID ?? answer.document.id else {
            preconditionFailure("an id stands where it was found before")
        }
        return id
    }

    /// Whether the text is one of the id's spellings.
    public func isAbout(_ id: Span<UInt8>) -> Bool {
        otherID?.isSpelled(id) ?? answer.document.isAbout(id)
    }

    /// Nil until the answer is served for the first time; many never are.
    public var tail: AnswerTail? {
        renderedTail.load(ordering: .acquiring)?.takeUnretainedValue()
    }

    /// Stores the tail, unless another thread was first; returns the stored one.
    public func keep(_ tail: AnswerTail) -> AnswerTail {
        let own = Unmanaged.passRetained(tail)
        let first = renderedTail.compareExchange(
            expected: nil, desired: own, ordering: .acquiringAndReleasing
        ).original
        guard let first else { return tail }
        own.release()
        return first.takeUnretainedValue()
    }

    deinit { renderedTail.load(ordering: .acquiring)?.release() }

    public static func == (a: Snapshot, b: Snapshot) -> Bool {
        a === b || a.servableUntil == b.servableUntil && a.answer == b.answer
    }
}

/// The bytes that complete an Action, after those of its state or after their compressed form.
public final class AnswerTail: Sendable {
    public let bytes: [UInt8]
    private let compressedForm = AtomicLazyReference<AnswerTail>()

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Completes the compressed form; nil until it is needed for the first time.
    public var compressed: AnswerTail? { compressedForm.load() }

    /// Stores it, unless another thread was first; returns the stored one.
    public func keep(compressed tail: AnswerTail) -> AnswerTail { compressedForm.storeIfNil(tail) }
}
