// Bytes on their way to one peer: copied ones, and contents that are kept elsewhere, too.

import HTTPWire

extension Content {
    /// What of it is kept elsewhere, too.
    var shared: [KeptBytes.Content] {
        parts.filter { $0.count > Self.gatheredMax }.map { KeptBytes.Content($0) }
    }
}

/// What a socket would not take yet, oldest first.
struct OutputQueue {
    private struct Part {
        var bytes: ArraySlice<UInt8>
        let isShared: Bool
    }

    /// Those of one answer, mostly: nothing more is answered to a peer that is behind.
    private var parts: [Part] = []
    private(set) var count = 0
    /// Bytes of copies, those sent included: their storage goes as a whole.
    private(set) var ownBytes = 0

    var isEmpty: Bool { count == 0 }

    /// Takes what a writer holds behind its first `sent` bytes of output.
    ///
    /// - Precondition: none of the shared contents has been sent.
    mutating func append(_ writer: borrowing ResponseWriter, behind sent: Int = 0) {
        var start = sent
        for content in writer.shared {
            append(copying: writer.output[start..<content.outputBytes])
            parts.append(Part(bytes: content.bytes, isShared: true))
            count += content.bytes.count
            start = content.outputBytes
        }
        append(copying: writer.output[start...])
    }

    private mutating func append(copying bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        if let last = parts.indices.last, !parts[last].isShared {
            parts[last].bytes.append(contentsOf: bytes)
        } else {
            parts.append(Part(bytes: Array(bytes)[...], isShared: false))
        }
        count += bytes.count
        ownBytes += bytes.count
    }

    /// The first bytes that lie together; there are some.
    func withFirst<Result>(_ use: (UnsafeRawBufferPointer) -> Result) -> Result {
        parts[0].bytes.withUnsafeBytes(use)
    }

    /// Forgets so many of the first bytes that lie together.
    mutating func removeFirst(_ bytes: Int) {
        count -= bytes
        // In place: the storage is given back with the last of it.
        parts[0].bytes = parts[0].bytes.dropFirst(bytes)
        guard parts[0].bytes.isEmpty else { return }
        let part = parts.removeFirst()
        if parts.isEmpty {
            ownBytes = 0
        } else if !part.isShared {
            ownBytes = parts.reduce(0) { $0 + ($1.isShared ? 0 : $1.bytes.count) }
        }
    }

    /// The content that is sent next of those that are kept elsewhere, too, by the place of its end,
    /// which it shares with all others that keep it. What stands behind it has its time to come: an
    /// answer may have any number of them.
    var shared: [KeptBytes.Content] {
        guard let next = parts.first(where: \.isShared) else { return [] }
        return [KeptBytes.Content(next.bytes)]
    }
}
