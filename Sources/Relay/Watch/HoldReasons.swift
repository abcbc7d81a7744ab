import Mail
import Monitor
import NIOConcurrencyHelpers
import Spool

/// Why rows of the queue are on hold, and by whom: the index knows that they are, and the facts why.
///
/// Each is looked up once, and again when its message has changed. A list never waits long for it: what is not known by then stands
/// there without its reason, is looked up all the same, and is told when it is known, so that the list is read again.
final class HoldReasons: Sendable {
    /// Finds the reason of a recipient; `nil`: nothing is told of it any more.
    typealias Find = @Sendable (_ id: QueueID, _ path: String) async throws -> WaitReason?

    private struct Key: Hashable {
        let ref: MessageRef
        let to: String
    }
    private enum Answer {
        case reason(WaitReason)
        case unknown
    }
    private struct State {
        /// A long list is looked through now and then; all of it need not be remembered.
        var known = RecentValues<Key, Answer>(limit: 20_000)
        var lookers = 0
        /// What they look for, so that the next list does not ask for the same.
        var underWay: Set<Key> = []
        /// A list went on without some.
        var isWanted = false
    }
    /// Lists that are looked up at a time: a spool that hangs is not asked by ever more of them.
    private static let lookersAtOnce = 4
    private let state = NIOLockedValueBox(State())
    private let patience: Duration
    private let arrived: @Sendable () -> Void

    /// - Parameters:
    ///   - patience: how long a list waits for what is not known yet.
    ///   - arrived: told when more is known than when a list was shown without it.
    init(patience: Duration = .milliseconds(100), arrived: @escaping @Sendable () -> Void) {
        self.patience = patience
        self.arrived = arrived
    }

    /// The rows, with the reasons of those that are on hold, as far as they are known.
    func explain(_ rows: inout [QueueRow], find: @escaping Find) async {
        let held = rows.indices.filter { rows[$0].state == .hold }
        guard !held.isEmpty else { return }
        let keys = held.map { Key(ref: rows[$0].ref, to: rows[$0].to) }
        let missing = self.state.withLockedValue { state in keys.filter { state.known[$0] == nil } }
        if !missing.isEmpty { await self.lookUp(missing, find) }
        let answers = self.state.withLockedValue { state in
            let answers = keys.map { state.known[$0] }
            if answers.contains(where: { $0 == nil }) { state.isWanted = true }
            return answers
        }
        for (place, answer) in zip(held, answers) {
            if case .reason(let reason)? = answer { rows[place].why = reason }
        }
    }

    private func lookUp(_ keys: [Key], _ find: @escaping Find) async {
        let keys = self.state.withLockedValue { state -> [Key] in
            guard state.lookers < Self.lookersAtOnce else { return [] }
            // What was under way when the list looked may be known by now.
            let keys = keys.filter { !state.underWay.contains($0) && state.known[$0] == nil }
            guard !keys.isEmpty else { return [] }
            state.lookers += 1
            state.underWay.formUnion(keys)
            return keys
        }
        guard !keys.isEmpty else { return }
        // Whichever ends first: a read that hangs does not heed that it is cancelled.
        let (end, ending) = AsyncStream<Void>.makeStream()
        Task {
            let hasFound = await self.look(keys, find)
            let tells = self.state.withLockedValue { state in
                state.lookers -= 1
                state.underWay.subtract(keys)
                guard hasFound, state.isWanted else { return false }
                state.isWanted = false
                return true
            }
            ending.finish()
            if tells { self.arrived() }
        }
        let waiting = Task { [patience = self.patience] in
            try? await Task.sleep(for: patience)
            ending.finish()
        }
        for await _ in end {}
        waiting.cancel()
    }

    /// One after the other, until one cannot be read: then the others cannot either.
    ///
    /// - Returns: whether more is known than before.
    private func look(_ keys: [Key], _ find: Find) async -> Bool {
        var hasFound = false
        for key in keys {
            guard let id = QueueID(key.ref.id) else { continue }
            do {
                let answer = try await find(id, key.to).map { Answer.reason($0) } ?? .unknown
                self.state.withLockedValue { $0.known.insert(answer, for: key) }
                hasFound = true
            } catch { break }
        }
        return hasFound
    }
}
