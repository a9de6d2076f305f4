// The kernel's figures of this process, as every Prometheus client library exports them.

import Glibc
import StatusCore

/// A figure is nil if it cannot be read, for example without a descriptor left.
struct ProcessFigures: Sendable {
    var cpu: Duration
    var virtualBytes: Int?
    var residentBytes: Int?
    var openDescriptors: Int?
    var descriptorsMax: Int
    /// Seconds since 1970.
    var startedAt: Double?

    static func now() -> ProcessFigures {
        let pages = numbers(in: "/proc/self/statm", atMost: 256)
        let page = sysconf(Int32(_SC_PAGESIZE))
        return ProcessFigures(
            cpu: cpuTime(), virtualBytes: pages.first.map { $0 * page },
            residentBytes: pages.count > 1 ? pages[1] * page : nil,
            openDescriptors: openDescriptors(), descriptorsMax: DescriptorLimit.current(),
            startedAt: startedAt)
    }

    /// proc(5), field 22 of `stat`, after the name, which may contain blanks; it counts from the
    /// boot. Two clocks give the time of the boot, since `ProcSubset=pid` hides `/proc/stat`. Read
    /// once, at the start: later there may be no descriptor for reading it.
    static let startedAt: Double? = {
        let ticks = text(of: "/proc/self/stat", atMost: 4096).split(separator: ")").last?
            .split(separator: " ").dropFirst(19).first.flatMap { Double($0) }
        guard let ticks else { return nil }
        let sinceBoot = Double(SystemClock.now().nanoseconds) / 1e9
        let boot = Double(SystemClock.wall().milliseconds) / 1e3 - sinceBoot
        return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()

    private static func cpuTime() -> Duration {
        var time = timespec()
        // Fails only for a clock that does not exist.
        precondition(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// Without the descriptor that is used for counting.
    private static func openDescriptors() -> Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            if entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
        }
        return count - 1
    }

    private static func numbers(in path: String, atMost bytesMax: Int) -> [Int] {
        text(of: path, atMost: bytesMax).split(separator: " ").compactMap { Int($0) }
    }

    private static func text(of path: String, atMost bytesMax: Int) -> String {
        String(decoding: (try? SmallFile.read(path, bytesMax: bytesMax)) ?? [], as: UTF8.self)
    }
}
