import Mail
import Monitor
import NIOConcurrencyHelpers
import Spool

/// The order that the node stop: it comes by a feed, or as a signal, and is a fact once, before anything ends, since a disk or a
/// power cut may be in the way later.
final class ShutdownOrder: Sendable {
    private struct State {
        /// Has the program end that runs the engine, as a signal would.
        var stop: (@Sendable () -> Void)?
        /// Somebody said so, by a signal or through a feed.
        var isGiven = false
        /// A signal says so: one more would end sessions at once.
        var hasSignal = false
        /// It is being obeyed.
        var isObeyed = false
    }
    private let state = NIOLockedValueBox(State())
    private let node: String
    private let note: @Sendable (Fact) async -> Void
    private let now: @Sendable () -> Timestamp

    /// - Parameter note: writes a fact down, as far as that can be done.
    init(
        node: String, now: @escaping @Sendable () -> Timestamp, note: @escaping @Sendable (Fact) async -> Void
    ) {
        self.node = node
        self.now = now
        self.note = note
    }

    /// Nothing new is begun any more.
    var isObeyed: Bool { self.state.withLockedValue { $0.isObeyed } }
    func obeyed() { self.state.withLockedValue { $0.isObeyed = true } }

    /// Whether it can be given through a feed.
    var isAllowed: Bool { self.state.withLockedValue { $0.stop != nil } }
    func allow(_ stop: @escaping @Sendable () -> Void) { self.state.withLockedValue { $0.stop = stop } }

    /// Somebody gives it through a feed.
    ///
    /// - Throws: ``FeedError`` `.gone`: the node stops already. A second signal would end its sessions at once.
    func give(by name: String) async throws {
        let stop = self.state.withLockedValue { state in
            defer { state.isGiven = true }
            return state.isGiven || state.isObeyed ? nil : state.stop
        }
        guard let stop else { throw FeedError(.gone, "\(self.node) stops already") }
        await self.note(self.fact(by: name))
        // A signal may have come meanwhile.
        let goesOn = self.state.withLockedValue { !$0.hasSignal && !$0.isObeyed }
        if goesOn { stop() }
    }

    /// A signal gives it. It returns when that is a fact.
    func signalled(by name: String) async {
        let wasGiven = self.state.withLockedValue { state in
            defer { (state.isGiven, state.hasSignal) = (true, true) }
            return state.isGiven
        }
        // Whoever asked for it through a feed is known already.
        if !wasGiven { await self.note(self.fact(by: name)) }
    }

    private func fact(by name: String) -> Fact {
        Fact(at: self.now(), kind: .shutdown, message: nil, text: self.node, actor: name)
    }
}
