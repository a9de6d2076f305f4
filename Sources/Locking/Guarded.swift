// The lock of all modules: a value that one thread at a time may use.

internal import Glibc

/// Lets one thread at a time read and change a value.
///
/// A POSIX mutex rather than `Synchronization.Mutex`: the latter uses futexes that the thread
/// sanitizer does not see, so that it reports every contended access as a race.
///
/// `@unchecked Sendable`: `value` is touched only in `withLock`, between lock and unlock, and is
/// itself `Sendable`, so results can be used elsewhere. The mutex never moves. It also makes every
/// access exclusive, so the value is not a stored property, which the runtime would check again.
public final class Guarded<Value: Sendable>: @unchecked Sendable {
    // First, so that its offset does not depend on the value's type.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @usableFromInline let value = UnsafeMutablePointer<Value>.allocate(capacity: 1)

    public init(_ value: Value) {
        self.value.initialize(to: value)
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "a default mutex can always be created")
    }

    deinit {
        let code = pthread_mutex_destroy(mutex)
        precondition(code == 0, "the mutex was locked when it was destroyed")
        mutex.deallocate()
        value.deinitialize(count: 1)
        value.deallocate()
    }

    /// `body` must be short, do no I/O and call no callback.
    ///
    /// Inlined where it is used, so that `body` needs no context and `Value` is known.
    @inlinable
    public func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        lock()
        defer { unlock() }
        return body(&value.pointee)
    }

    @usableFromInline
    func lock() {
        let code = pthread_mutex_lock(mutex)
        precondition(code == 0, "the mutex is broken")
    }

    @usableFromInline
    func unlock() {
        let code = pthread_mutex_unlock(mutex)
        precondition(code == 0, "the mutex was not held")
    }
}
