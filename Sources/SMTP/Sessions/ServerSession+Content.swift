extension ServerSession {
    mutating func nextContent(_ client: Client, _ envelope: Envelope) -> Action? {
        self.input.withOctets { self.decoder.decode(&$0) }
        if self.decoder.receivedFields > self.configuration.maximumReceivedFields {
            self.sink(client, Reply(554, "5.4.6", "Too many hops"))
            return self.outbox.removeFirst()
        }
        if self.configuration.maximumMessageOctets > 0, self.decoder.octets > self.configuration.maximumMessageOctets {
            self.sink(client, self.tooLargeReply)
            return self.outbox.removeFirst()
        }
        if let chunk = self.decoder.nextChunk() {
            self.state = .storing(client, envelope)
            return .store(chunk)
        }
        guard self.decoder.isComplete else { return nil }
        self.state = .committing(client, envelope)
        return .commit(envelope)
    }

    /// There is no way to stop a client that sends mail data but to take all of it (§4.1.1.4).
    mutating func sink(_ client: Client, _ reply: Reply) {
        self.decoder.drop()
        self.outbox.append(.discard)
        self.state = .sinking(client, reply)
    }

    /// Whatever became of the message, its transaction is over (§4.1.1.4).
    mutating func finish(_ client: Client, with reply: Reply) {
        self.decoder = ContentDecoder()
        self.reply(reply, then: .client(client, afterRefusedMail: false))
    }

    var tooLargeReply: Reply {
        Reply(552, "5.3.4", "Message exceeds the limit of \(self.configuration.maximumMessageOctets) octets")
    }
}
