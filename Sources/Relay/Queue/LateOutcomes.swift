import Mail
import SMTP
import Spool

/// What an attempt did to recipients some of which were changed at another node meanwhile.
///
/// That node cannot know that they were being tried. Mail that is with the next hop is gone, whatever was ordered since, also
/// that it goes to another address: it is told as relayed to the one that it had, and goes to no second one. Any other outcome
/// is of the recipient as it was.
struct LateOutcomes: Sendable {
    /// How often it is written anew when it is changed again each time.
    static let tries = 5

    private let outcomes: [(outcome: Settlement.Outcome, forwardPath: String?)]

    /// - Parameter index: has the recipients as they were tried.
    init(_ outcomes: [Settlement.Outcome], of message: QueueID, in index: QueueIndex) {
        let slot = index.slot(of: message)
        self.outcomes = outcomes.map { outcome in
            (outcome, slot.flatMap { index.row(of: $0, index: outcome.index) }.map { index.forwardPath($0) })
        }
    }

    /// - Parameters:
    ///   - message: as the spool has it now.
    ///   - isOurs: no other node has it.
    /// - Returns: those that count, of the recipients as they are.
    func counting(as message: SpooledMessage, isOurs: Bool) -> [Settlement.Outcome] {
        self.outcomes.compactMap { outcome, forwardPath in
            guard let recipient = message.recipients.first(where: { $0.index == outcome.index }),
                recipient.isOpen(to: outcome.state), isOurs || !outcome.isHoldersAlone
            else { return nil }
            if recipient.generation == outcome.generation { return outcome }
            guard outcome.state == .relayed else { return nil }
            var late = outcome
            if let forwardPath, recipient.forwardPath.description != forwardPath {
                late.forwardPath = try? ForwardPath(parsing: forwardPath, utf8: true)
            }
            late.generation = recipient.generation
            return late
        }
    }
}
