// An answer as it is published: kept once, by the tracker and wherever it is served from.

internal import Synchronization

/// An answer that anybody who asks without `source` and `wait` gets, until `servableUntil`.
public final class Snapshot: Sendable, Equatable {
    /// The id, unless the state's bytes have it in that spelling: of many actions these are most of what
    /// would be kept twice.
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

    /// An answer to one caller: it is not published.
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

    /// Nil until it is served for the first time: of many answers that is never.
    public var tail: AnswerTail? {
        renderedTail.load(ordering: .acquiring)?.takeUnretainedValue()
    }

    /// Keeps the tail, unless another thread was first; returns the one that is kept.
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

/// The bytes that end an Action: behind those of its state, or behind their compressed form.
public final class AnswerTail: Sendable {
    public let bytes: [UInt8]
    private let compressedForm = AtomicLazyReference<AnswerTail>()

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// What ends the compressed form; nil until it is wanted for the first time.
    public var compressed: AnswerTail? { compressedForm.load() }

    /// Keeps it, unless another thread was first; returns the one that is kept.
    public func keep(compressed tail: AnswerTail) -> AnswerTail { compressedForm.storeIfNil(tail) }
}
