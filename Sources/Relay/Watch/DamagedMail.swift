import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import Spool

/// Messages found not to be as they were written, and still in the queue: what the operator is told of
/// them.
final class DamagedMail: Sendable {
    private static let logged = 20

    private let log: Logger
    private let signal: ChangeSignal
    private struct Finding {
        var reason: String
        /// Where a row cannot be read no list has it.
        var isListed: Bool
    }
    private let findings = NIOLockedValueBox<[QueueID: Finding]>([:])

    init(log: Logger, signal: ChangeSignal) {
        self.log = log
        self.signal = signal
    }

    /// They are kept aside from now on.
    ///
    /// - Parameter isListed: the queue knows them.
    func found(_ damaged: [Damage], isListed: Bool = true) {
        guard !damaged.isEmpty else { return }
        self.findings.withLockedValue { findings in
            for damage in damaged { findings[damage.message] = Finding(reason: damage.reason, isListed: isListed) }
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
        self.findings.withLockedValue { if !$0.isEmpty { $0[id] = nil } }
    }

    var count: Int { self.findings.withLockedValue { $0.count } }

    var attention: Attention? {
        self.findings.withLockedValue { findings in
            guard let first = findings.min(by: { $0.key < $1.key }) else { return nil }
            let isListed = findings.values.contains(where: \.isListed)
            return Attention(
                .warning,
                .damaged(messages: findings.count, example: "\(first.key)", reason: first.value.reason),
                door: isListed ? FilterExpression([(.state, ":", WaitReason.damagedWord)]) : nil)
        }
    }
}

extension SpooledMessage {
    /// What an earlier run, or another node, found of it, and nobody has released since.
    var damage: Damage? {
        let held = self.recipients.first { $0.state == .hold && $0.lastReply.map(SpoolError.tellsOfDamage) ?? false }
        return held?.lastReply.map { Damage(self.id, $0) }
    }
}
