// Turns the parser's test corpus into seeds: the cases' bytes, for both targets that read them.

import Foundation

@main
struct Seeds {
    /// Arguments: the folder of `.http` files, and the folder to write into.
    static func main() throws {
        let source = URL(filePath: CommandLine.arguments[1])
        let target = URL(filePath: CommandLine.arguments[2])
        let files = try FileManager.default.contentsOfDirectory(
            at: source, includingPropertiesForKeys: nil)
        for file in files where file.pathExtension == "http" {
            let name = file.deletingPathExtension().lastPathComponent
            let inputs = inputs(of: try String(contentsOf: file, encoding: .utf8))
            for (index, input) in inputs.enumerated() {
                let label = "\(name)-\(index)"
                try write(input, to: target.appending(path: "request-parser"), label)
                // In pieces of 7 and 30 bytes; tight limits, late answers and ends alternate.
                let flags = UInt8(ascii: "@") + UInt8(index % 16)
                let plan = [flags] + Array("'>\n".utf8)
                try write(plan + input, to: target.appending(path: "connection-machine"), label)
            }
        }
    }

    private static func write(_ bytes: [UInt8], to folder: URL, _ name: String) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(bytes).write(to: folder.appending(path: name))
    }

    /// The bytes between `== name` and `--` of each case.
    private static func inputs(of text: String) -> [[UInt8]] {
        var inputs: [[UInt8]] = []
        var isInput = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("== ") {
                inputs.append([])
                isInput = true
            } else if line == "--" {
                isInput = false
            } else if isInput {
                inputs[inputs.count - 1] += bytes(of: line)
            }
        }
        return inputs
    }

    private static func bytes(of line: Substring) -> [UInt8] {
        let hasEnd = !line.hasSuffix("\\c") && !line.hasSuffix("\\e")
        var rest = Array((hasEnd ? line : line.dropLast(2)).utf8)[...]
        return unescaped(&rest, until: nil) + (hasEnd ? [13, 10] : [])
    }

    /// The corpus's notation for bytes; see the README there.
    private static func unescaped(_ rest: inout ArraySlice<UInt8>, until end: UInt8?) -> [UInt8] {
        var bytes: [UInt8] = []
        while let byte = rest.popFirst(), byte != end {
            guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                bytes.append(byte)
                continue
            }
            switch kind {
            case UInt8(ascii: "r"): bytes.append(13)
            case UInt8(ascii: "n"): bytes.append(10)
            case UInt8(ascii: "t"): bytes.append(9)
            case UInt8(ascii: "0"): bytes.append(0)
            case UInt8(ascii: "s"): bytes.append(32)
            case UInt8(ascii: "x"):
                bytes.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "{"):
                let digits = rest.prefix { $0 != UInt8(ascii: "*") }
                rest = rest.dropFirst(digits.count + 1)
                let part = unescaped(&rest, until: UInt8(ascii: "}"))
                let count = Int(String(decoding: digits, as: UTF8.self)) ?? 0
                for _ in 0..<count { bytes += part }
            default: bytes.append(kind)
            }
        }
        return bytes
    }
}
