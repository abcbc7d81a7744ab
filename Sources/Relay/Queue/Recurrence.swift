import NIOConcurrencyHelpers

/// Does something now and then, and at once when it is woken; what wakes it meanwhile is one more time.
final class Recurrence: Sendable {
    private let interval: Duration
    private let wakes: AsyncStream<Void>
    private let next: AsyncStream<Void>.Continuation
    private let task = NIOLockedValueBox<Task<Void, Never>?>(nil)

    init(every interval: Duration) {
        self.interval = interval
        (self.wakes, self.next) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Once.
    func start(_ body: @escaping @Sendable () async -> Void) {
        let (interval, wakes, next) = (self.interval, self.wakes, self.next)
        let task = Task {
            await withDiscardingTaskGroup { group in
                group.addTask { repeat { next.yield() } while (try? await Task.sleep(for: interval)) != nil }
                for await _ in wakes { await body() }
                group.cancelAll()
            }
        }
        self.task.withLockedValue { $0 = task }
    }

    func wake() { self.next.yield() }

    /// It is done no more, but for what is under way.
    func cancel() { self.task.withLockedValue { $0 }?.cancel() }

    /// Waits until that is over.
    func stop() async {
        self.cancel()
        await self.task.withLockedValue { $0 }?.value
    }
}
