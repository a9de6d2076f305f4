// An Action as it is kept and served: rendered once, when it changes.

/// The state of an action in its JSON form, with what the tracker needs to know of it.
///
/// The bytes hold the state only (`id` … `upstream`), one JSON object without white space, fields
/// in the order of the contract, `result`'s keys sorted: same state, same bytes.
public struct ActionDocument: Sendable, Equatable {
    /// One JSON object, UTF-8.
    public let bytes: [UInt8]
    /// No line end stands in `bytes`: JSON has none of its own, and the writer escapes others.
    public let isOneLine: Bool
    /// A hash of `bytes`: the entity tag's opaque value, on every replica and after a restart.
    public let tag: UInt64
    public let source: Source
    public let status: ActionStatus
    public let isDone: Bool
    /// When the upstream made the action, if it told so in a form that can be read.
    public let createdAt: WallTime?
    /// Of an action that has just been read as ended; not part of the state, and kept by no store.
    public let ending: ActionEnding?
    public let compressed = CompressedSlot()

    public init(
        bytes: [UInt8], source: Source, status: ActionStatus, isDone: Bool, createdAt: WallTime?,
        ending: ActionEnding? = nil
    ) {
        // Kept for a day: what the writer has reserved too much is given back.
        self.bytes = bytes.withUnsafeBufferPointer(Array.init)
        self.isOneLine = bytes.withUnsafeBufferPointer { bytes in
            !bytes.contains { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        }
        self.tag = FNV1a.hash(bytes)
        self.source = source
        self.status = status
        self.isDone = isDone
        self.createdAt = createdAt
        self.ending = ending
    }

    /// The same state, as it is kept already: with its compressed form.
    func orKept(_ kept: ActionDocument?) -> ActionDocument {
        guard let kept, kept == self else { return self }
        return kept
    }

    public static func == (a: ActionDocument, b: ActionDocument) -> Bool {
        a.tag == b.tag && a.source == b.source && a.status == b.status && a.isDone == b.isDone
            && a.createdAt == b.createdAt && a.bytes == b.bytes
    }
}
