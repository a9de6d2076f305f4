// A folder for each test, removed after it.

import Glibc
import Locking

final class TemporaryFolder: Sendable {
    let path: String
    private let written = Guarded<[String]>([])

    init() {
        var template = Array("/tmp/status-proxy-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("no temporary folder: \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        for file in written.withLock({ $0 }) { unlink(file) }
        rmdir(path)
    }

    /// The new file's path.
    func write(_ text: String, to name: String = "file") -> String {
        write(bytes: Array(text.utf8), to: name)
    }

    func write(bytes: [UInt8], to name: String) -> String {
        let file = "\(path)/\(name)"
        guard let stream = fopen(file, "wb"), fwrite(bytes, 1, bytes.count, stream) == bytes.count,
            fclose(stream) == 0
        else { fatalError("\(file) cannot be written: \(errno)") }
        written.withLock { $0.append(file) }
        return file
    }
}
