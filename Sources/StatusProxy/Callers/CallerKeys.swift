// The file of caller keys, a name and a digest a line. Bytes come in; known keys go out, or an
// error that names the wrong line.

import CCrypto

/// The SHA-256 of a key. Keys themselves are never stored.
struct KeyDigest: Hashable, Sendable {
    private var words = SIMD4<UInt64>()

    init(of key: Span<UInt8>) {
        key.withUnsafeBytes { key in
            withUnsafeMutableBytes(of: &words) { words in
                let code = ccrypto_sha256(key.baseAddress, key.count, words.baseAddress)
                precondition(code == 1, "SHA-256 does not fail")
            }
        }
    }

    /// Nil unless it is 64 hexadecimal digits.
    init?(hexadecimal text: ArraySlice<UInt8>) {
        guard text.count == 2 * Int(ccrypto_sha256_bytes) else { return nil }
        var bytes: [UInt8] = []
        var rest = text
        while let high = rest.popFirst(), let low = rest.popFirst() {
            guard let high = Self.digit(high), let low = Self.digit(low) else { return nil }
            bytes.append(high << 4 | low)
        }
        withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte & 0x0F
        case UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "a")...UInt8(ascii: "f"):
            (byte & 0x0F) + 9
        default: nil
        }
    }

    /// Compares in constant time, so that the time reveals nothing of where two digests differ.
    static func == (a: KeyDigest, b: KeyDigest) -> Bool {
        let difference = a.words ^ b.words
        return difference[0] | difference[1] | difference[2] | difference[3] == 0
    }
}

/// The known callers: names by the digests of their keys. A name may have several keys, so that a
/// key can be replaced without a gap.
struct CallerKeys: Sendable, Equatable {
    private(set) var names: [KeyDigest: String] = [:]

    static let fileBytesMax = 1 << 20
    static let nameBytesMax = 64

    /// - Throws: for a file that cannot be read, and for the first wrong line.
    init(path: String) throws(SettingFailure) {
        let bytes: [UInt8]
        do { bytes = try SmallFile.read(path, bytesMax: Self.fileBytesMax) } catch {
            throw SettingFailure(SettingName.callerKeysFile, "\(path) cannot be read: \(error)")
        }
        try self.init(bytes, path: path)
    }

    init(_ bytes: [UInt8], path: String) throws(SettingFailure) {
        var linesByDigest: [KeyDigest: Int] = [:]
        // Some editors write a byte order mark.
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let number = index + 1
            let words = Self.words(line)
            guard !words.isEmpty else { continue }
            guard words.count == 2, let name = Self.name(words[0]),
                let digest = KeyDigest(hexadecimal: words[1])
            else {
                // The line is not quoted: it may contain a key instead of its digest.
                throw SettingFailure(
                    SettingName.callerKeysFile, "\(path):\(number): give \(Self.form)")
            }
            if let first = linesByDigest.updateValue(number, forKey: digest) {
                throw SettingFailure(
                    SettingName.callerKeysFile,
                    "\(path):\(number): this repeats the key of line \(first)")
            }
            names[digest] = name
        }
        guard !names.isEmpty else {
            throw SettingFailure(
                SettingName.callerKeysFile, "\(path) holds no key: give \(Self.form), one a line")
        }
    }

    private static let form =
        "a name of 1 to \(nameBytesMax) characters of A-Z a-z 0-9 . _ - and the SHA-256 of its key"
        + " in 64 hexadecimal digits"

    /// The words of a line, up to a comment.
    private static func words(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        let blanks: Set = [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r")]
        let words = line.split(whereSeparator: blanks.contains)
        return Array(words.prefix { $0.first != UInt8(ascii: "#") })
    }

    /// Characters that need no escape in a log line.
    private static func name(_ word: ArraySlice<UInt8>) -> String? {
        let isFit = word.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isFit, word.count <= nameBytesMax else { return nil }
        return String(decoding: word, as: UTF8.self)
    }
}
