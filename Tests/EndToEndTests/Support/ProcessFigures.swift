// A process's figures from the kernel, and a higher descriptor limit for this process.

import Foundation
import Glibc

enum ProcessFigures {
    /// Resident memory in bytes (proc(5), VmRSS).
    static func residentBytes(of program: Program) throws -> Int {
        try bytes("VmRSS:", of: program)
    }

    /// The most that it has ever had, or since ``forgetPeak(of:)`` (VmHWM).
    static func peakBytes(of program: Program) throws -> Int {
        try bytes("VmHWM:", of: program)
    }

    static func forgetPeak(of program: Program) throws {
        try "5".write(
            toFile: "/proc/\(program.identifier)/clear_refs", atomically: false, encoding: .utf8)
    }

    private static func bytes(_ name: String, of program: Program) throws -> Int {
        let text = try String(
            contentsOfFile: "/proc/\(program.identifier)/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
        guard let kibibytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" })[1],
            let count = Int(kibibytes)
        else { throw Client.Failure(description: "no \(name) in:\n\(text)") }
        return count * 1024
    }

    /// What the kernel holds of answers that a peer does not read (tcp(7), tcp_wmem).
    static func socketSendBytesMax() throws -> Int {
        let text = try String(contentsOfFile: "/proc/sys/net/ipv4/tcp_wmem", encoding: .utf8)
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard let most = numbers.last else {
            throw Client.Failure(description: "no number in tcp_wmem: \(text)")
        }
        return most
    }

    /// By how much a process may grow that itself uses `bytes` more. A sanitizer keeps freed memory to
    /// detect its use, and adds shadow memory.
    static func growthMax(_ bytes: Int) -> Int {
        isSanitized ? bytes * 16 + (512 << 20) : bytes
    }

    private static let isSanitized =
        dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil

    /// Lets this process, and those that it starts, have as many descriptors as the system allows.
    static func allowManyDescriptors(_ count: Int) throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard limit.rlim_cur < count else { return }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard limit.rlim_cur >= count else {
            throw Client.Failure(description: "ulimit -n is below \(count)")
        }
    }
}
