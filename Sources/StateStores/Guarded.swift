// A value behind a lock, for the one thing that several threads touch.

internal import Glibc

/// A POSIX mutex, because the thread sanitizer understands it; it does not see inside the futex of
/// the `Synchronization` module, and would report what that guards.
///
/// `@unchecked Sendable`: `value` is touched only by `withLock`, between lock and unlock.
final class Guarded<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    init(_ value: Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "a mutex cannot be made: \(code)")
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Keep `body` short: no I/O, no callbacks.
    func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        let locked = pthread_mutex_lock(mutex)
        precondition(locked == 0, "a mutex cannot be locked: \(locked)")
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }
}
