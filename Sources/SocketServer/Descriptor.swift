// A file descriptor with one owner.

import Glibc

/// Closes its descriptor when it goes out of use.
struct Descriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    /// Wraps what a system call returned; nil for its -1, errno untouched.
    init?(returned number: Int32) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    /// Hands the descriptor over to an owner that this type cannot reach.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    deinit { close(number) }
}
