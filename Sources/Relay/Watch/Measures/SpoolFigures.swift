import NIOConcurrencyHelpers
import NIOCore
import Spool

/// What the spool counts, as last read. It is waited for, but not where its disk hangs: whoever asks would not be told of it.
final class SpoolFigures: Sendable {
    struct Values: Sendable {
        var counters = Counters()
        /// Facts that each reader still has to take.
        var behind: [String: Int] = [:]
    }
    private static let patience = TimeAmount.milliseconds(250)

    private let spool: any Spool
    private let loop: any EventLoop
    private let state = NIOLockedValueBox<(latest: Values?, isReading: Bool)>((nil, false))

    init(_ spool: any Spool, loop: any EventLoop) {
        self.spool = spool
        self.loop = loop
    }

    /// - Returns: `nil` as long as they were never read.
    func now() async -> Values? {
        let isFirst = self.state.withLockedValue { state in
            defer { state.isReading = true }
            return !state.isReading
        }
        if isFirst {
            let (answers, answer) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
            Task {
                let read = try? await self.read()
                self.state.withLockedValue { $0 = (read ?? $0.latest, false) }
                answer.yield()
            }
            let patience = self.loop.scheduleTask(in: Self.patience) { answer.yield() }
            for await _ in answers { break }
            patience.cancel()
        }
        return self.state.withLockedValue { $0.latest }
    }

    private func read() async throws -> Values {
        Values(
            counters: try await self.spool.counters(), behind: try await self.spool.condition.factsBehind())
    }
}
