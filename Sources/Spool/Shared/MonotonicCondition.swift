import Glibc
import NIOCore

/// A mutex and a condition whose waits end by the clock that nobody sets; Foundation's go by the time of day.
///
/// `@unchecked Sendable`: the two pointers never change, and the C library makes what they point to for many threads. Waiting is
/// for whoever holds the lock.
final class MonotonicCondition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(self.mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(self.condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        pthread_mutex_destroy(self.mutex)
        self.condition.deallocate()
        self.mutex.deallocate()
    }

    func withLock<Value>(_ body: () throws -> Value) rethrows -> Value {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        return try body()
    }

    func signal() { pthread_cond_signal(self.condition) }

    /// Called with the lock, as is the other.
    func wait() { pthread_cond_wait(self.condition, self.mutex) }

    /// - Returns: whether there may be something to see before the deadline.
    func wait(until deadline: NIODeadline) -> Bool {
        let nanoseconds = deadline.uptimeNanoseconds
        var time = timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        return pthread_cond_timedwait(self.condition, self.mutex, &time) == 0
    }
}
