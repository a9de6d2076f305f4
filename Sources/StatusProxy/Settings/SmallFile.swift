// Reads a small file as a whole: settings, secrets.

import Glibc

enum SmallFile {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// - Throws: the system's message, or that the file is larger than `bytesMax`.
    static func read(_ path: String, bytesMax: Int) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= bytesMax else {
                throw Failure(description: "it is larger than \(bytesMax) bytes")
            }
        }
    }
}
