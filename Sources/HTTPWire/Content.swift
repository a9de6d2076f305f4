// Content that is composed of bytes stored elsewhere.

/// The content of an answer, or of a piece of one, as consecutive parts.
///
/// Large parts share the storage that they are slices of, so that a thousand answers with the same
/// megabyte store it once; small parts are copied together.
public struct Content: Sendable {
    public private(set) var parts: [ArraySlice<UInt8>] = []
    public private(set) var count = 0
    /// The number of bytes that were copied.
    public private(set) var gatheredCount = 0
    /// Whether the last part is a copy that can be appended to.
    private var isGathering = false

    /// Up to this size copying costs less than a separate part.
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

    /// The whole content in one array.
    public var bytes: [UInt8] { parts.reduce(into: []) { $0 += $1 } }
}
