// Reads the chunked coding as a client does (RFC 9112 7.1), independently of the service: byte by byte,
// and strictly.

struct ChunkReader {
    private enum State {
        case size(digits: [UInt8])
        case sizeEnd(Int)
        case data(left: Int)
        case dataReturn
        case dataEnd
        case lastReturn
        case lastEnd
        case ended
    }

    private(set) var content: [UInt8] = []
    private var state = State.size(digits: [])

    var isEnded: Bool {
        if case .ended = state { return true }
        return false
    }

    mutating func take(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes { state = next(byte) }
    }

    private mutating func next(_ byte: UInt8) -> State {
        switch state {
        case .size(let digits):
            if byte != 13 { return .size(digits: digits + [byte]) }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) else {
                fatalError("the size of a chunk is \(digits)")
            }
            return .sizeEnd(size)
        case .sizeEnd(let size):
            require(byte == 10, "a bare CR")
            return size == 0 ? .lastReturn : .data(left: size)
        case .data(let left):
            content.append(byte)
            return left == 1 ? .dataReturn : .data(left: left - 1)
        case .dataReturn:
            require(byte == 13, "a chunk is longer than its size")
            return .dataEnd
        case .dataEnd:
            require(byte == 10, "a bare CR")
            return .size(digits: [])
        case .lastReturn:
            require(byte == 13, "a trailer")
            return .lastEnd
        case .lastEnd:
            require(byte == 10, "a bare CR")
            return .ended
        case .ended: fatalError("a byte after the last chunk")
        }
    }
}
