// The limit of open files and connections of the process, raised to what the settings need.

import Glibc

enum DescriptorLimit {
    /// Descriptors of a loop for connections beyond the limit, and for itself.
    private static let perLoop = 140
    /// For the store, the log, upstream calls, and files that libraries open briefly.
    private static let others = 200

    /// The number of descriptors needed for that many connections.
    static func needed(connections: Int, loops: Int) -> Int {
        connections + loops * perLoop + others
    }

    /// The current limit.
    static func current() -> Int { Int(clamping: limit().rlim_cur) }

    private static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    private static func limit() -> rlimit {
        var limit = rlimit()
        // Fails only for a resource that does not exist.
        precondition(getrlimit(files, &limit) == 0)
        return limit
    }

    /// Raises a limit that is too low, up to the hard limit. Returns the current limit.
    static func raise(to needed: Int) -> Int {
        var limit = limit()
        let wanted = min(rlim_t(needed), limit.rlim_max)
        guard limit.rlim_cur < wanted else { return Int(clamping: limit.rlim_cur) }
        let before = limit.rlim_cur
        limit.rlim_cur = wanted
        return Int(clamping: setrlimit(files, &limit) == 0 ? wanted : before)
    }
}
