// Content put together from bytes that are kept elsewhere.

/// The content of an answer, or of a piece of one, as parts one after the other.
///
/// Large parts share the storage that they are slices of, so that a thousand answers with the same
/// megabyte keep it once; small ones are gathered.
public struct Content: Sendable {
    public private(set) var parts: [ArraySlice<UInt8>] = []
    public private(set) var count = 0
    /// Of them, those that were copied here.
    public private(set) var gatheredCount = 0
    /// The last part is ours to append to.
    private var isGathering = false

    /// Up to that many bytes copying costs less than keeping apart.
    public static let gatheredMax = 4096

    public init() {}

    public init(_ bytes: [UInt8]) { append(bytes[...]) }

    public mutating func append(_ bytes: [UInt8]) { append(bytes[...]) }

    public mutating func append(_ bytes: ArraySlice<UInt8>) {
        count += bytes.count
        let isSmall = bytes.count <= Self.gatheredMax
        if !isGathering || !isSmall { parts.append(isSmall ? [] : bytes) }
        isGathering = isSmall
        guard isSmall else { return }
        gatheredCount += bytes.count
        parts[parts.count - 1] += bytes
    }

    /// All of it in one.
    public var bytes: [UInt8] { parts.reduce(into: []) { $0 += $1 } }
}
