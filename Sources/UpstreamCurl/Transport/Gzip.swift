// Decodes a gzip body: the received bytes come in, the content goes out.

internal import CZlib

/// Reads RFC 1952. libcurl's own decoder (7.88.1) fails for several members and for unknown
/// codings, and real answers have both.
enum Gzip {
    enum Failure: Error, Equatable {
        /// With zlib's message.
        case damaged(String)
        case endsEarly
        case tooLarge

        var description: String {
            switch self {
            case .damaged(let words): "the body is not valid gzip: \(words)"
            case .endsEarly: "the gzip body ends early"
            case .tooLarge: "the decoded gzip body is too large"
            }
        }
    }

    private static let pieceBytes = 64 * 1024
    private static let memberMark: UInt8 = 0x1F

    /// Decodes all consecutive members (2.2); other bytes after them count as padding.
    static func decode(_ encoded: [UInt8], bytesMax: Int) throws(Failure) -> [UInt8] {
        guard !encoded.isEmpty else { return [] }
        guard let stream = InflateStream() else { throw .damaged("no memory") }
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        var rest = encoded[...]
        while true {
            let step = stream.inflate(&rest, into: &piece)
            guard step.written <= bytesMax - content.count else { throw .tooLarge }
            content += piece[..<step.written]
            switch step.code {
            case Z_STREAM_END:
                guard rest.first == memberMark else { return content }
                stream.reset()
            case Z_OK where !rest.isEmpty || step.written == piece.count: continue
            case Z_OK, Z_BUF_ERROR: throw .endsEarly
            default: throw .damaged(stream.message)
            }
        }
    }
}

/// zlib's state of one decoding; frees itself.
private struct InflateStream: ~Copyable {
    /// zlib keeps this address.
    private let pointer: UnsafeMutablePointer<z_stream>

    /// Nil when memory is exhausted.
    init?() {
        let made = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        made.initialize(to: z_stream())
        // The largest window, and 16 for gzip's header and check.
        let code = inflateInit2_(made, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            made.deallocate()
            return nil
        }
        pointer = made
    }

    deinit {
        inflateEnd(pointer)
        pointer.deallocate()
    }

    var message: String { pointer.pointee.msg.map { String(cString: $0) } ?? "no reason given" }

    /// Removes the bytes that it has read from `rest`, and returns the number of bytes written to
    /// `piece`.
    func inflate(
        _ rest: inout ArraySlice<UInt8>, into piece: inout [UInt8]
    ) -> (code: Int32, written: Int) {
        let size = piece.count
        let (code, left, unwritten) = rest.withUnsafeBufferPointer { input in
            piece.withUnsafeMutableBufferPointer { output in
                // zlib does not write there, although the type allows it.
                pointer.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                pointer.pointee.avail_in = UInt32(input.count)
                pointer.pointee.next_out = output.baseAddress
                pointer.pointee.avail_out = UInt32(output.count)
                let code = CZlib.inflate(pointer, Z_NO_FLUSH)
                return (code, Int(pointer.pointee.avail_in), Int(pointer.pointee.avail_out))
            }
        }
        rest = rest.suffix(left)
        return (code, size - unwritten)
    }

    /// Prepares for the next member.
    func reset() {
        // Fails only for an invalid stream.
        precondition(inflateReset(pointer) == Z_OK)
    }
}
