import Mail
import Monitor
import NIOConcurrencyHelpers
import SMTP
import Spool
import Synchronization

/// The standing rules as sessions ask them: from any event loop, of sessions under way too. Without a rule about mail a
/// question is one look at a flag.
final class StandingRules: Sendable {
    private struct State {
        var book = RuleBook()
        /// How often each rule refused something.
        var refused: [Int64: Int] = [:]
    }
    private let isAsked = Atomic<Bool>(false)
    private let state = NIOLockedValueBox(State())

    var book: RuleBook { self.state.withLockedValue { $0.book } }
    var refused: [Int64: Int] { self.state.withLockedValue { $0.refused } }
    var hasHolds: Bool { self.isAsked.load(ordering: .relaxed) && self.book.hasHolds }

    func add(_ rule: StandingRule) throws(FeedError) {
        let error = self.state.withLockedValue { state -> FeedError? in
            do throws(FeedError) { try state.book.add(rule) } catch { return error }
            self.isAsked.store(state.book.isAboutMail, ordering: .releasing)
            return nil
        }
        if let error { throw error }
    }

    func remove(_ id: Int64) {
        self.state.withLockedValue { state in
            state.book.remove(id)
            state.refused[id] = nil
            self.isAsked.store(state.book.isAboutMail, ordering: .releasing)
        }
    }

    /// What a MAIL of that origin is answered; `nil`: no rule refuses it.
    func refusal(
        of path: ReversePath, user: String?, client: Peer, at now: Timestamp
    ) -> (rule: StandingRule, refusal: Refusal)? {
        guard self.isAsked.load(ordering: .acquiring) else { return nil }
        let origin = MailOrigin(reversePath: path, user: user, client: client.text)
        return self.refusal { $0.refusal(of: origin, at: now) }
    }

    func refusal(of path: ForwardPath, at now: Timestamp) -> (rule: StandingRule, refusal: Refusal)? {
        guard self.isAsked.load(ordering: .acquiring) else { return nil }
        return self.refusal { $0.refusal(of: path, at: now) }
    }

    private func refusal(
        _ ask: (RuleBook) -> (rule: StandingRule, refusal: Refusal)?
    ) -> (rule: StandingRule, refusal: Refusal)? {
        self.state.withLockedValue { state in
            guard let found = ask(state.book) else { return nil }
            state.refused[found.rule.id, default: 0] += 1
            return found
        }
    }

    /// Whether a message that is queued should be on hold, and is not.
    func misses(_ message: SpooledMessage, at now: Timestamp) -> Bool {
        guard self.hasHolds else { return false }
        let (book, origin) = (self.book, MailOrigin(message))
        return message.recipients.contains { book.missed($0, of: origin, at: now) != nil }
    }

    /// Puts those recipients of a message that comes in on hold that rules hold.
    ///
    /// - Returns: who set the first of these rules; `nil`: none is held.
    func hold(_ message: inout SpooledMessage, at now: Timestamp) -> String? {
        guard self.hasHolds else { return nil }
        return self.book.hold(&message, at: now)
    }
}
