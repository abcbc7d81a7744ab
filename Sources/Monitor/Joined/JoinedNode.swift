import Mail
import Synchronization

/// One of several nodes that are shown as one, and whether it answers.
final class JoinedNode: Sendable {
    private struct State {
        var name: String?
        /// Those that share its queue, as it knows them.
        var sharing: Set<String> = []
        /// Since when it has not answered; `nil`: it did the last time.
        var absentSince: Timestamp?
        /// Questions that are under way, by number.
        var asked: Set<Int> = []
        /// Those for which nobody waits any longer; no other is put until they are answered.
        var overdue: Set<Int> = []
        var questions = 0
    }
    private let entry: String
    let feed: any MonitorFeed
    private let patience: Duration
    private let clock: @Sendable () -> Timestamp
    private let state = Mutex(State())
    /// Tells when a node that was silent has answered.
    private let returned: @Sendable () -> Void

    /// - Parameter entry: what it is called until its name is known.
    init(
        _ entry: String, _ feed: any MonitorFeed, patience: Duration, clock: @escaping @Sendable () -> Timestamp,
        returned: @escaping @Sendable () -> Void
    ) {
        self.entry = entry
        self.feed = feed
        self.patience = patience
        self.clock = clock
        self.returned = returned
    }

    var knownName: String? { self.state.withLock { $0.name } }
    var name: String { self.knownName ?? self.entry }
    func learn(_ capabilities: FeedCapabilities) {
        self.state.withLock { state in
            state.name = capabilities.node
            state.sharing = Set(capabilities.sharing ?? [])
        }
    }
    var isAbsent: Bool { self.state.withLock { $0.absentSince != nil } }
    var sharing: Set<String> { self.state.withLock { $0.sharing } }

    func absence(_ error: FeedError) -> AbsentNode {
        let since = self.state.withLock { $0.absentSince } ?? self.clock()
        return AbsentNode(node: self.name, since: since, reason: error.description)
    }

    /// Puts a question, and waits for the answer as long as there is patience.
    ///
    /// - Parameter isDeed: it changes something, so that its end is waited for however long it takes.
    /// - Throws: also at once, while an earlier question has no answer.
    func ask<Value: Sendable>(
        isDeed: Bool = false, _ question: @escaping @Sendable (any MonitorFeed) async throws -> Value
    ) async throws(FeedError) -> Value {
        guard let number = self.begin() else { throw Self.silence }
        let (answers, answer) = AsyncStream.makeStream(
            of: Result<Value, FeedError>.self, bufferingPolicy: .bufferingOldest(1))
        Task {
            let result = await Self.result { try await question(self.feed) }
            self.end(number, result)
            answer.yield(result)
            answer.finish()
        }
        let waiting = Task {
            if isDeed { return }
            try? await Task.sleep(for: self.patience)
            answer.finish()
        }
        defer { waiting.cancel() }
        for await result in answers { return try result.get() }
        self.state.withLock { state in
            if state.asked.contains(number) { state.overdue.insert(number) }
            state.absentSince = state.absentSince ?? self.clock()
        }
        throw Self.silence
    }

    /// - Returns: the number of a question; `nil`: none may be put now.
    private func begin() -> Int? {
        self.state.withLock { state in
            guard state.overdue.isEmpty else { return nil }
            state.questions += 1
            state.asked.insert(state.questions)
            return state.questions
        }
    }

    private func end<Value>(_ number: Int, _ result: Result<Value, FeedError>) {
        let isAway = if case .failure(let error) = result { error.code == .unavailable } else { false }
        let wasOverdue = self.state.withLock { state in
            state.asked.remove(number)
            state.absentSince = isAway ? state.absentSince ?? self.clock() : nil
            return state.overdue.remove(number) != nil && state.overdue.isEmpty
        }
        if wasOverdue { self.returned() }
    }

    private static let silence = FeedError(.unavailable, "it does not answer")

    private static func result<Value>(
        _ question: @Sendable () async throws -> Value
    ) async -> Result<Value, FeedError> {
        do {
            return .success(try await question())
        } catch {
            return .failure(error as? FeedError ?? FeedError(.unavailable, "\(error)"))
        }
    }
}
