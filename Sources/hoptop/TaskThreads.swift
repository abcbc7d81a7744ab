import Foundation
import NIOCore
import NIOPosix
@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency

/// Runs the tasks of a program with a screen, on a few threads that sleep until there is one to run.
///
/// Swift's own executor is libdispatch's concurrent queues, whose pools are looked after once a second for as long as the program
/// lives. A screen with nothing to show then wakes for nothing, as often as for its clock. Its serial queues, which the database
/// readers have, are not looked after so.
///
/// `@unchecked Sendable`: everything is behind the condition.
final class TaskThreads: TaskExecutor, SchedulingExecutor, @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs = CircularBuffer<UnownedJob>()

    /// Has all tasks but those of the main actor run here from now on. Call on the main thread, before anything else was asked for.
    static func takeOver() { _createExecutors(factory: Factory.self) }

    private struct Factory: ExecutorFactory {
        static var mainExecutor: any MainExecutor { PlatformExecutorFactory.mainExecutor }
        static let defaultExecutor: any TaskExecutor = TaskThreads(count: 4)
    }

    private init(count: Int) {
        for number in 1...count {
            let thread = Thread { [unowned self] in
                Thread.current.name = "hoptop-task-\(number)"
                self.run()
            }
            thread.start()
        }
    }

    private func run() -> Never {
        while true { self.next().runSynchronously(on: self.asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob {
        self.condition.withLock {
            while self.jobs.isEmpty { self.condition.wait() }
            return self.jobs.removeFirst()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) { self.enqueue(UnownedJob(job)) }

    func enqueue(_ job: UnownedJob) {
        self.condition.withLock {
            self.jobs.append(job)
            self.condition.signal()
        }
    }

    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, at instant: C.Instant, tolerance: C.Duration?, clock: C
    ) {
        self.enqueue(job, after: clock.now.duration(to: instant), tolerance: tolerance, clock: clock)
    }

    /// A loop has a timer anyway, and sleeps no worse for it.
    func enqueue<C: Clock>(
        _ job: consuming ExecutorJob, after delay: C.Duration, tolerance: C.Duration?, clock: C
    ) {
        let job = UnownedJob(job)
        guard let delay = delay as? Duration else { preconditionFailure("a clock that does not count seconds") }
        MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(delay)) { self.enqueue(job) }
    }
}
