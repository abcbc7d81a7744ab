import SMTP

/// What it means that a message is accepted.
extension NewMessage {
    package var acceptance: Fact {
        var fact = Fact(sequence: 0, at: self.message.arrived, kind: .accepted, message: self.message.id)
        fact.from = self.message.reversePath.description
        fact.text = self.message.arrival.peer ?? self.message.arrival.with
        fact.session = self.message.arrival.session
        fact.contentOctets = self.message.contentOctets
        return fact
    }
}
