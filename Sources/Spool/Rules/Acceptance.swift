import Mail
import NIOCore
import SMTP

extension NewMessage {
    /// The fact that the message is accepted.
    package var acceptance: Fact {
        let subject =
            switch self.content {
            case .buffer(let octets): MessageHeader.subjectField(in: octets)
            case .file(let file): file.subject
            }
        return Fact(
            at: self.message.arrived, kind: .accepted, message: self.message.id,
            from: self.message.reversePath.description, session: self.message.arrival.session,
            contentOctets: self.message.contentOctets, arrival: self.message.arrival, subject: subject)
    }
}
