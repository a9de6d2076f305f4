// A state's compressed form: made once, when a caller first accepts it, and stored with the state.

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
