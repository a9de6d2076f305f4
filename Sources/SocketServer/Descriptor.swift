// A file descriptor with one owner.

import Glibc

/// Closes its descriptor at the end of its life.
struct Descriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    /// Wraps the result of a system call; nil for -1, with errno unchanged.
    init?(returned number: Int32) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    /// Passes the descriptor to another owner, which has to close it.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    deinit { close(number) }
}
