// The one lock of the house: a value that one thread at a time may touch.

internal import Glibc

/// Lets one thread at a time read and change a value.
///
/// A POSIX mutex rather than `Synchronization.Mutex`: that one works by futexes that the thread
/// sanitizer does not see, so that under it every contended access is reported as a race.
///
/// `@unchecked Sendable`: `value` is touched only in `withLock`, between lock and unlock, and is
/// itself `Sendable`, so what leaves it can be used elsewhere. The mutex stays where it was made.
public final class Guarded<Value: Sendable>: @unchecked Sendable {
    // First, so that it stands at the same place whatever the value is.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    @usableFromInline var value: Value

    public init(_ value: Value) {
        self.value = value
        let code = pthread_mutex_init(mutex, nil)
        precondition(code == 0, "a plain mutex needs nothing that could lack")
    }

    deinit {
        let code = pthread_mutex_destroy(mutex)
        precondition(code == 0, "the mutex was held when its last holder went")
        mutex.deallocate()
    }

    /// `body` is short, does no I/O and calls nobody back.
    ///
    /// Inlined where it is used, so that `body` needs no context and `Value` is known.
    @inlinable
    public func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        lock()
        defer { unlock() }
        return body(&value)
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
