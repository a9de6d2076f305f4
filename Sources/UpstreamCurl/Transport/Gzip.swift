// Unfolds a gzip body: the bytes of the wire come in, the content goes out.

internal import CZlib

/// Reads RFC 1952. libcurl, which could unfold, takes one member only and a coding that it does not
/// know for the end of the transfer (7.88.1); answers have more of both than the RFCs allow.
enum Gzip {
    enum Failure: Error, Equatable {
        /// zlib's words.
        case damaged(String)
        case endsEarly
        case tooLarge

        var description: String {
            switch self {
            case .damaged(let words): "the body is not the gzip that it says it is: \(words)"
            case .endsEarly: "the gzip body ends early"
            case .tooLarge: "the gzip body unfolds to too much"
            }
        }
    }

    private static let pieceBytes = 64 * 1024
    private static let memberMark: UInt8 = 0x1F

    /// All members one after the other (2.2); what follows them and is none counts as padding.
    static func unfold(_ folded: [UInt8], bytesMax: Int) throws(Failure) -> [UInt8] {
        guard !folded.isEmpty else { return [] }
        guard let stream = InflateStream() else { throw .damaged("no memory") }
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceBytes)
        var rest = folded[...]
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

/// zlib's state of one unfolding; frees itself.
private struct InflateStream: ~Copyable {
    /// zlib keeps this address.
    private let pointer: UnsafeMutablePointer<z_stream>

    /// Nil when there is no memory.
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

    /// Takes off `rest` what it has read, and tells how much of `piece` it has written.
    func inflate(
        _ rest: inout ArraySlice<UInt8>, into piece: inout [UInt8]
    ) -> (code: Int32, written: Int) {
        let size = piece.count
        let (code, left, unwritten) = rest.withUnsafeBufferPointer { input in
            piece.withUnsafeMutableBufferPointer { output in
                // zlib does not write there, whatever its types say.
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

    /// For the next member.
    func reset() {
        // It fails for a stream that is none only.
        precondition(inflateReset(pointer) == Z_OK)
    }
}
