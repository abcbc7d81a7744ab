import Dispatch
import Synchronization

/// Runs tasks on the thread that waits for them, and no other: what that thread asks of an actor costs no second thread.
final class ThreadExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    /// Counts `jobs`.
    private let waiting = DispatchSemaphore(value: 0)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.jobs.withLock { $0.append(job) }
        self.waiting.signal()
    }

    /// Runs `body` to its end on this thread, which nobody else needs meanwhile.
    func wait<Value: Sendable>(for body: @escaping @Sendable () async -> Value) -> Value {
        let answer = Answer<Value>()
        Task(executorPreference: self) {
            let value = await body()
            answer.value.withLock { $0 = value }
        }
        while true {
            self.waiting.wait()
            self.jobs.withLock { $0.removeFirst() }.runSynchronously(on: self.asUnownedTaskExecutor())
            if let value = answer.value.withLock({ $0 }) { return value }
        }
    }

    private final class Answer<Value: Sendable>: Sendable { let value = Mutex<Value?>(nil) }
}
