// The process's clocks.

import Glibc
import StatusAPI
import StatusCore

enum SystemClock {
    /// CLOCK_BOOTTIME: never steps, and counts while the machine is suspended.
    static func now() -> Instant {
        Instant(nanoseconds: read(CLOCK_BOOTTIME))
    }

    /// CLOCK_REALTIME, only for people and times from upstreams.
    static func wall() -> WallTime {
        WallTime(milliseconds: read(CLOCK_REALTIME) / 1_000_000)
    }

    /// The same at the kernel's last tick (1 to 10 ms): cheaper, and precise enough for a log.
    static func coarseWall() -> WallTime {
        WallTime(milliseconds: read(CLOCK_REALTIME_COARSE) / 1_000_000)
    }

    /// CLOCK_MONOTONIC, which service managers read.
    static func monotonic() -> Duration { .nanoseconds(read(CLOCK_MONOTONIC)) }

    /// The CPU time of the calling thread.
    static func threadTime() -> Duration { .nanoseconds(read(CLOCK_THREAD_CPUTIME_ID)) }

    static func both() -> Clocks { Clocks(instant: now(), wall: wall()) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // Fails only for a clock that does not exist; every Linux since 2.6.39 has these.
        precondition(clock_gettime(clock, &time) == 0)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
