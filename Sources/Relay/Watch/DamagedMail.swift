import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import Spool

/// Messages found not to be as they were written, since the start, and still in the queue: what the operator is told of
/// them.
final class DamagedMail: Sendable {
    private static let logged = 20

    private let log: Logger
    private let signal: ChangeSignal
    private let reasons = NIOLockedValueBox<[QueueID: String]>([:])

    init(log: Logger, signal: ChangeSignal) {
        self.log = log
        self.signal = signal
    }

    /// They are kept aside from now on.
    func found(_ damaged: [Damage]) {
        self.reasons.withLockedValue { reasons in
            for damage in damaged { reasons[damage.message] = damage.reason }
        }
        for damage in damaged.prefix(Self.logged) {
            self.log.error(
                "a message is damaged and kept aside",
                metadata: ["message": "\(damage.message)", "reason": "\(damage.reason)"])
        }
        if damaged.count > Self.logged {
            self.log.error("and \(damaged.count - Self.logged) more: hoptop spool check names all")
        }
        self.signal.raise(.queue)
    }

    /// It is gone, or the operator lets it go on; if it is not mended it will be found again.
    func isOver(_ id: QueueID) {
        self.reasons.withLockedValue { if !$0.isEmpty { $0[id] = nil } }
    }

    /// Which they are.
    var messages: Set<QueueID> { self.reasons.withLockedValue { Set($0.keys) } }
    var count: Int { self.reasons.withLockedValue { $0.count } }

    var attention: Attention? {
        self.reasons.withLockedValue { reasons in
            guard let first = reasons.min(by: { $0.key < $1.key }) else { return nil }
            return Attention(
                .warning,
                .damaged(messages: reasons.count, example: "\(first.key)", reason: first.value),
                door: FilterExpression([(.state, ":", WaitReason.damagedWord)]))
        }
    }
}
