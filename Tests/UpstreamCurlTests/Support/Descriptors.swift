// Uses up descriptors, in the test's own process.

import Glibc

/// Holds all the descriptors that the process may have, except for some.
struct HeldDescriptors: ~Copyable {
    private var held: [Int32] = []

    init(leaving left: Int) {
        // Few, whatever the machine allows.
        var limit = rlimit(rlim_cur: 128, rlim_max: 128)
        precondition(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        while true {
            let next = dup(0)
            guard next >= 0 else { break }
            held.append(next)
        }
        for _ in 0..<left { _ = close(held.removeLast()) }
    }

    deinit { for descriptor in held { _ = close(descriptor) } }
}

/// Waits for `body` while the process has only that many descriptors left.
func withDescriptors<Value>(left: Int, _ body: () async -> Value) async -> Value {
    let held = HeldDescriptors(leaving: left)
    let value = await body()
    _ = consume held
    return value
}
