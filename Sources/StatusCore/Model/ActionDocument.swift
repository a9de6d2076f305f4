// An Action as it is stored and served: rendered once, when it changes, compressed once, when a
// caller first accepts that; and the figures of its end.

internal import Synchronization

/// The state of an action in its JSON form, with what the tracker needs to know of it.
///
/// The bytes hold the state only (`id` … `upstream`), one JSON object without white space, fields
/// in the order of the contract, `result`'s keys sorted: same state, same bytes.
public final class ActionDocument: Sendable, Equatable {
    /// One JSON object, UTF-8.
    public let bytes: [UInt8]
    /// A hash of `bytes`: the entity tag's opaque value, on every replica and after a restart.
    public let tag: UInt64
    public let source: Source
    /// When the upstream made the action, if it reports that in a readable form.
    public let createdAt: WallTime?
    public let status: ActionStatus
    public let isDone: Bool
    /// Whether `bytes` contain no line end. The writer adds none, and escapes those in strings.
    public let isOneLine: Bool
    /// Set only while the call that found the action done is processed. Not stored.
    public let ending: ActionEnding?
    private let compressedForm = AtomicLazyReference<CompressedState>()

    public init(
        bytes: [UInt8], source: Source, status: ActionStatus, isDone: Bool, createdAt: WallTime?,
        ending: ActionEnding? = nil
    ) {
        // Kept for a day, so without the writer's unused capacity.
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

    private init(withoutEnding document: ActionDocument) {
        bytes = document.bytes
        isOneLine = document.isOneLine
        tag = document.tag
        source = document.source
        status = document.status
        isDone = document.isDone
        createdAt = document.createdAt
        ending = nil
    }

    /// The state to store: the existing object if it is the same, else this one without its ending.
    func kept(besides before: ActionDocument?) -> ActionDocument {
        if let before, before == self { return before }
        return ending == nil ? self : ActionDocument(withoutEnding: self)
    }

    /// The action's id, the first member in the bytes; nil if it is not.
    var id: ActionID? {
        let rest = bytes.dropFirst(Self.idOffset)
        return rest.firstIndex(of: UInt8(ascii: "\"")).flatMap { end in
            ActionID(String(decoding: rest[..<end], as: UTF8.self))
        }
    }

    /// Whether the text is a spelling of its id.
    func isAbout(_ id: Span<UInt8>) -> Bool {
        let bytes = bytes
        let end = Self.idOffset + id.count
        guard bytes.count > end, bytes[end] == UInt8(ascii: "\"") else { return false }
        return ActionID.areSpellings(bytes.span.extracting(Self.idOffset..<end), id)
    }

    /// After `{"id":"`.
    private static let idOffset = 7

    /// Nil until it has been made.
    public var compressed: CompressedState? { compressedForm.load() }

    /// Keeps the compressed form, unless another thread was first; then it returns false.
    public func keep(_ compressed: CompressedState) -> Bool {
        compressedForm.storeIfNil(compressed) === compressed
    }

    public static func == (a: ActionDocument, b: ActionDocument) -> Bool {
        a.tag == b.tag && a.source == b.source && a.status == b.status && a.isDone == b.isDone
            && a.createdAt == b.createdAt && a.bytes == b.bytes
    }
}

/// FNV-1a, 64 bits: fast, and without a seed.
public enum FNV1a {
    public static func hash(_ bytes: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        return hash
    }
}

/// A state's bytes but the last, which closes the object, compressed: the beginning of a gzip member
/// (RFC 1952), to which whatever follows the state can be added.
public final class CompressedState: Sendable {
    /// The member's header, and deflate blocks (RFC 1951) that end at a byte boundary; none is
    /// marked as the last.
    public let bytes: [UInt8]
    /// The CRC-32 of the uncompressed bytes.
    public let checksum: UInt

    public init(bytes: [UInt8], checksum: UInt) {
        self.bytes = bytes
        self.checksum = checksum
    }
}

/// What the upstream said of an ended action's run. No store keeps it: it is counted when it is learned.
///
/// A class: most documents have none, and room for it in each would be half of what else they take.
public final class ActionEnding: Sendable, Equatable {
    /// How many errors of each class are listed.
    public let errors: [ErrorClass: Int]
    /// From its creation to its end; nil when the upstream does not say.
    public let took: Duration?

    public init(errors: [ErrorClass: Int], took: Duration?) {
        self.errors = errors
        self.took = took
    }

    init(_ action: Action) {
        errors = action.errors.reduce(into: [:]) { $0[$1.errorClass, default: 0] += 1 }
        let created = action.createdAt.flatMap(RFC3339.parse)
        let updated = action.updatedAt.flatMap(RFC3339.parse)
        if let created, let updated, updated >= created {
            took = updated - created
        } else {
            took = action.processingTimeMilliseconds.map { .milliseconds(max(0, $0)) }
        }
    }

    public static func == (a: ActionEnding, b: ActionEnding) -> Bool {
        a.errors == b.errors && a.took == b.took
    }
}
