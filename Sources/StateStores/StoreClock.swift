// The clocks of a file store: a monotonic one, one for people, and the machine's boot.

internal import Glibc
public import StatusCore

/// The time source of a store on this machine. Injected, so that tests can move it.
public struct StoreClock: Sendable {
    /// Time since the machine's boot: never steps, counts while suspended, the same for every
    /// process of the machine.
    public var sinceBoot: @Sendable () -> Instant
    /// The wall clock, which may step at any time. For ages for people, never for gates.
    public var wall: @Sendable () -> WallTime
    /// Identifies the boot from which `sinceBoot` counts; nil: unknown.
    public var bootID: @Sendable () -> String?

    public init(
        sinceBoot: @escaping @Sendable () -> Instant,
        wall: @escaping @Sendable () -> WallTime,
        bootID: @escaping @Sendable () -> String?
    ) {
        self.sinceBoot = sinceBoot
        self.wall = wall
        self.bootID = bootID
    }

    /// The kernel's clocks.
    public static let system = StoreClock(
        sinceBoot: { Instant(nanoseconds: read(CLOCK_BOOTTIME)) },
        wall: { WallTime(milliseconds: read(CLOCK_REALTIME) / 1_000_000) },
        bootID: { readBootID() })

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        let code = clock_gettime(clock, &time)
        precondition(code == 0, "a clock of the kernel cannot be read")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func readBootID() -> String? {
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = fill(descriptor, &bytes)
        guard count > 0 else { return nil }
        let text = bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    private static func fill(_ descriptor: Int32, _ bytes: inout [UInt8]) -> Int {
        Glibc.read(descriptor, &bytes, bytes.count)
    }
}
