// Decodes a gzip body as a client does.

import CZlib

public enum Gunzip {
    /// The content of `bytes` by zlib; nil unless they are exactly one gzip member.
    public static func unfold(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard
            inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
                == Z_OK
        else { return nil }
        defer { inflateEnd(&stream) }
        var content: [UInt8] = []
        var input = bytes
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        return input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                let size = piece.count
                let (code, written) = piece.withUnsafeMutableBufferPointer { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(size)
                    let code = inflate(&stream, Z_NO_FLUSH)
                    return (code, size - Int(stream.avail_out))
                }
                content += piece[..<written]
                if code == Z_STREAM_END { return stream.avail_in == 0 ? content : nil }
                guard code == Z_OK else { return nil }
            }
        }
    }
}
