// A hash of bytes that is the same on every replica and after a restart.

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
