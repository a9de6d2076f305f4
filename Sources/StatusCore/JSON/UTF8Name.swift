// A member's name as bytes, for comparing and sorting names.

/// A name that compares byte by byte.
///
/// `String` compares by canonical equivalence, so "é" in its two spellings is one string. RFC 8259
/// 8.3 requires code units: the two are different names, and both members are kept.
struct UTF8Name: Hashable, Comparable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: UTF8Name, b: UTF8Name) -> Bool {
        a.text.utf8.elementsEqual(b.text.utf8)
    }

    static func < (a: UTF8Name, b: UTF8Name) -> Bool {
        a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        let hashed: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if hashed == nil {
            for byte in text.utf8 { hasher.combine(byte) }
        }
    }
}
