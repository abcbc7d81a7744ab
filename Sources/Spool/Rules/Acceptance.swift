import Mail
import NIOCore
import SMTP

extension NewMessage {
    /// The fact that the message is accepted.
    package var acceptance: Fact {
        let (subject, messageID) =
            switch self.content {
            case .buffer(let octets): (MessageHeader.subjectField(in: octets), MessageHeader.messageID(in: octets))
            case .file(let file): (file.subject, file.messageID)
            }
        return Fact(
            at: self.message.arrived, kind: .accepted, message: self.message.id,
            from: self.message.reversePath.description, session: self.message.arrival.session,
            contentOctets: self.message.contentOctets, arrival: self.message.arrival,
            // A copy, since a part of the content would keep all of its memory for as long as the fact is.
            subject: subject.map { ByteBuffer(bytes: $0.readableBytesView) }, messageID: messageID)
    }
}

extension NewMessage {
    /// The facts that recipients come in on hold: one for all that share a reason.
    package var holds: [SharedFact] {
        let recipients = self.message.recipients
        // By their places: nothing of them is copied then.
        guard recipients.indices.contains(where: { recipients[$0].state == .hold }) else { return [] }
        var holds: [(fact: Fact, others: [SharedFact.Recipient])] = []
        for recipient in recipients where recipient.state == .hold {
            if let place = holds.firstIndex(where: { $0.fact.text == recipient.lastReply }) {
                holds[place].others.append(.init(index: recipient.index, forwardPath: recipient.forwardPath))
                continue
            }
            var fact = Fact(.held, recipient, of: self.message, at: self.message.arrived)
            fact.text = recipient.lastReply
            fact.actor = self.heldBy
            holds.append((fact, []))
        }
        return holds.map { SharedFact(fact: $0.fact, others: $0.others) }
    }
}
