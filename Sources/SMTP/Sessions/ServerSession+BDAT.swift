/// BDAT (RFC 3030 §2). Whatever the reply is, it follows the octets of the chunk, none of which is a command.
extension ServerSession {
    mutating func bdat(octets: Int, isLast: Bool, _ standing: Standing) {
        switch standing {
        case .unserved: self.refuseChunk(octets, isLast, Reply(503, "5.5.1", "Say QUIT"), standing)
        case .stranger: self.refuseChunk(octets, isLast, self.sayHello, standing)
        case .client(let afterRefusedMail):
            let reply = self.isExtended ? Reply(503, "5.5.1", "Say MAIL first") : Self.sayEHLO
            self.refuseChunk(octets, isLast, reply, standing, isError: !afterRefusedMail)
        case .transaction:
            guard let transaction = self.transaction else { preconditionFailure("a transaction that is not there") }
            self.bdat(octets: octets, isLast: isLast, transaction)
        }
    }

    private mutating func bdat(octets: Int, isLast: Bool, _ transaction: Transaction) {
        if let failure = transaction.failure {
            self.beginChunk(octets, isLast)
            return self.sink(failure)
        }
        guard !transaction.envelope.recipients.isEmpty else {
            return self.refuseChunk(
                octets, isLast, self.noRecipientsReply(transaction), .transaction,
                isError: !transaction.refusedRecipients)
        }
        guard !transaction.isChunked else {
            self.decoder.beginChunk(octets: octets, isLast: isLast)
            return self.takeChunk(octets)
        }
        self.transaction?.isChunked = true
        self.decoder = ContentDecoder(
            .chunks(binary: transaction.parameters.body == .binary), folds: self.configuration.longLines == .fold)
        self.decoder.beginChunk(octets: octets, isLast: isLast)
        self.ask(.content(transaction.envelope), .transaction)
    }

    /// The first chunk may be stored.
    mutating func acceptedChunk() {
        self.isContentOpen = true
        self.takeChunk(self.decoder.announcedOctets)
    }

    mutating func refusedChunk(with reply: Reply) {
        self.transaction?.isChunked = false
        self.state = .sinking(.transaction, self.finalReplies(reply))
    }

    /// A chunk that is too large by its own account is not stored first.
    private mutating func takeChunk(_ octets: Int) {
        let limit = self.configuration.maximumMessageOctets
        if limit > 0, octets > limit - self.decoder.octets {
            self.sink(self.tooLargeReply)
        } else {
            self.state = .content
        }
    }

    private mutating func refuseChunk(
        _ octets: Int, _ isLast: Bool, _ reply: Reply, _ standing: Standing, isError: Bool = true
    ) {
        guard !isError || self.countError() else { return }
        self.beginChunk(octets, isLast)
        self.state = .sinking(standing, [reply])
    }

    /// Passes over a chunk that nobody wants.
    private mutating func beginChunk(_ octets: Int, _ isLast: Bool) {
        self.decoder = ContentDecoder(.chunks(binary: true), folds: false)
        self.decoder.beginChunk(octets: octets, isLast: isLast)
    }
}
