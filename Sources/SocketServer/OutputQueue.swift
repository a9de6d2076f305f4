// The bytes to be sent to one peer: copied ones, and shared contents.

import HTTPWire

extension Content {
    /// The shared contents in it.
    var shared: [KeptBytes.Content] {
        parts.filter { $0.count > Self.gatheredMax }.map { KeptBytes.Content($0) }
    }
}

/// The bytes that a socket did not accept yet, oldest first.
struct OutputQueue {
    private struct Part {
        var bytes: ArraySlice<UInt8>
        let isShared: Bool
    }

    /// Mostly the parts of one answer, since no further request of a slow peer is answered.
    private var parts: [Part] = []
    private(set) var count = 0
    /// Bytes of copies, including sent ones: their storage is freed as a whole.
    private(set) var ownBytes = 0

    var isEmpty: Bool { count == 0 }

    /// Appends the writer's content after its first `sent` bytes of output.
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

    /// The first contiguous bytes. The queue must not be empty.
    func withFirst<Result>(_ use: (UnsafeRawBufferPointer) -> Result) -> Result {
        parts[0].bytes.withUnsafeBytes(use)
    }

    /// Removes that many of the first contiguous bytes.
    mutating func removeFirst(_ bytes: Int) {
        count -= bytes
        // In place: the storage is freed with its last byte.
        parts[0].bytes = parts[0].bytes.dropFirst(bytes)
        guard parts[0].bytes.isEmpty else { return }
        let part = parts.removeFirst()
        if parts.isEmpty {
            ownBytes = 0
        } else if !part.isShared {
            ownBytes = parts.reduce(0) { $0 + ($1.isShared ? 0 : $1.bytes.count) }
        }
    }

    /// The shared content that is sent next, identified by the address of its end, which is the
    /// same for all connections that keep it. Later ones do not count yet: an answer may have any
    /// number of them.
    var shared: [KeptBytes.Content] {
        guard let next = parts.first(where: \.isShared) else { return [] }
        return [KeptBytes.Content(next.bytes)]
    }
}
