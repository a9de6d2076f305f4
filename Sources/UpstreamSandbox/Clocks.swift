// The process's clocks.

import Glibc
import StatusCore

enum Clocks {
    /// CLOCK_BOOTTIME: never steps, and counts while the machine is suspended.
    static func now() -> Instant { Instant(nanoseconds: read(CLOCK_BOOTTIME)) }

    /// Only for texts.
    static func wall() -> WallTime { WallTime(milliseconds: read(CLOCK_REALTIME) / 1_000_000) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        let code = clock_gettime(clock, &time)
        precondition(code == 0, "both clocks are in every Linux since 2.6.39")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
