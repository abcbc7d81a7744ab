import Glibc
import NIOConcurrencyHelpers
import NIOCore
import Synchronization

/// Which threads write to the disk, and since when each has not moved on.
///
/// A write that waits for ever can be begun again where the kernel lets go of a thread that has a signal, as it does for
/// file systems that other programs serve. Elsewhere the signal waits with the thread, and does no harm.
final class WatchedWrites: Sendable {
    private let begun = NIOLockedValueBox<[pthread_t: NIODeadline]>([:])
    private let wasInterrupted = Atomic(false)

    /// When the write that stands still longest moved on; `nil`: none is under way.
    var since: NIODeadline? { self.begun.withLockedValue { $0.values.min() } }

    /// Watches what `body` writes. A system call in it that is interrupted is to be made again, or to fail.
    ///
    /// - Parameter octets: that go to the disk in one step, for which even a slow one is given time: a second for each MiB.
    func watch<Value>(octets: Int = 0, _ body: () throws -> Value) rethrows -> Value {
        var heard = Self.heard
        pthread_sigmask(SIG_UNBLOCK, &heard, nil)
        let time = TimeAmount.seconds(Int64(octets >> 20))
        self.begun.withLockedValue { $0[pthread_self()] = .now() + time }
        // The lock is taken, so that no signal reaches a thread that does something else by then.
        defer { self.begun.withLockedValue { $0[pthread_self()] = nil } }
        return try body()
    }

    /// The write of this thread did a part of its work.
    func movedOn() { self.begun.withLockedValue { $0[pthread_self()] = .now() } }

    /// Interrupts the system calls of those that have stood still since `time` or longer.
    ///
    /// - Returns: how many there are.
    func interrupt(since time: NIODeadline) -> Int {
        self.begun.withLockedValue { begun in
            let still = begun.filter { $0.value <= time }.keys
            if !still.isEmpty { self.wasInterrupted.store(true, ordering: .relaxed) }
            for thread in still { pthread_kill(thread, Self.signal) }
            return still.count
        }
    }

    /// Whether something was interrupted since this was last asked: what failed may have failed of that, and can be tried
    /// again.
    func takeInterruption() -> Bool { self.wasInterrupted.exchange(false, ordering: .relaxed) }

    /// A signal that is ignored where nobody asks for it; handled, and without SA_RESTART, it ends a system call that waits.
    private static let signal: CInt = {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        sigaction(SIGURG, &action, nil)
        return SIGURG
    }()

    /// Threads of Dispatch block it, and with them all threads that are begun there.
    private static let heard: sigset_t = {
        var set = sigset_t()
        sigaddset(&set, WatchedWrites.signal)
        return set
    }()
}
