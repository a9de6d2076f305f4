// A folder for each test, removed after it.

import Glibc

final class TemporaryFolder: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/state-stores-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { fatalError("no temporary folder: \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit {
        names.forEach { unlink("\(path)/\($0)") }
        rmdir(path)
    }

    var store: String { "\(path)/store.sqlite" }

    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&part, 1, part.count, file)
            guard count > 0 else { return bytes }
            bytes += part.prefix(count)
        }
    }

    /// Writes over a file in place: the same inode afterwards.
    static func write(_ bytes: [UInt8], to path: String) {
        guard let file = fopen(path, "r+b") ?? fopen(path, "wb") else {
            fatalError("\(path) cannot be written: \(errno)")
        }
        defer { fclose(file) }
        fwrite(bytes, 1, bytes.count, file)
        ftruncate(fileno(file), bytes.count)
    }
}
