// A short sleep for the only case in which SQLite's own wait for locks does not help.

internal import Glibc

enum Pause {
    /// 10 ms, on the store's own queue.
    static func briefly() { usleep(10_000) }
}
