// A short sleep for the one case in which SQLite's own waiting for locks does not help.

internal import Glibc

enum Pause {
    /// 10 ms, on the store's own queue.
    static func briefly() { usleep(10_000) }
}
