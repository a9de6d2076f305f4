// How many files and connections the process may have open: raised to what the settings ask for.

import Glibc

enum DescriptorLimit {
    /// What a loop keeps for peers without a place, and for itself.
    private static let perLoop = 140
    /// The store, the log, calls to upstreams, and what libraries open for a moment.
    private static let others = 200

    /// What it takes to serve that many connections.
    static func needed(connections: Int, loops: Int) -> Int {
        connections + loops * perLoop + others
    }

    /// What is allowed now.
    static func current() -> Int { Int(clamping: limit().rlim_cur) }

    private static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    private static func limit() -> rlimit {
        var limit = rlimit()
        // It fails for a resource that does not exist only.
        precondition(getrlimit(files, &limit) == 0)
        return limit
    }

    /// Raises the limit if it is too low, as far as the hard one lets it. Returns what is allowed now.
    static func raise(to needed: Int) -> Int {
        var limit = limit()
        let wanted = min(rlim_t(needed), limit.rlim_max)
        guard limit.rlim_cur < wanted else { return Int(clamping: limit.rlim_cur) }
        let before = limit.rlim_cur
        limit.rlim_cur = wanted
        return Int(clamping: setrlimit(files, &limit) == 0 ? wanted : before)
    }
}
