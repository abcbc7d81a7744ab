extension ClientSession {
    /// What follows from a reply. Sets the state.
    mutating func received(_ reply: Reply) {
        // 421 may answer any command, or none (RFC 5321 §3.8), so it is matched before asking which one it answers.
        guard reply.code != 421 else { return self.fail(.reply(reply)) }
        switch self.state {
        case .greeting: self.greeted(reply)
        case .hello(let extended): self.helloAnswered(reply, extended: extended)
        case .startingTLS: self.startTLSAnswered(reply)
        case .authenticating(let authentication): self.authAnswered(authentication, reply)
        // Nobody asked; what it answers next would be guesswork.
        case .handshake, .choosing, .ready: self.fail(.malformedReply(self.phase))
        case .commands(let exchange): self.answered(exchange, reply)
        case .content(let exchange, _): self.answeredEarly(exchange, reply)
        case .finalReply(let exchange): self.finallyAnswered(exchange, reply)
        case .chunks(let exchange, let chunks): self.chunkAnswered(exchange, chunks, reply)
        case .resetting(let awaited):
            if awaited > 1 {
                self.state = .resetting(awaited: awaited - 1)  // To a chunk of what was given up.
            } else if reply.code.isCompletion {
                self.state = .ready(announced: false)
            } else {
                self.fail(.reply(reply))
            }
        case .quitting: self.close()
        case .closed: break
        }
    }

    /// The session is over. Recipients that are not settled are deferred.
    mutating func fail(_ cause: DeferralCause) {
        switch self.state {
        case .greeting, .hello, .startingTLS, .handshake, .choosing, .authenticating, .ready, .resetting:
            self.giveUp(cause)
        case .commands(let exchange), .content(let exchange, _), .finalReply(let exchange), .chunks(let exchange, _):
            self.outbox.append(.finished(exchange.settled(.deferred(cause))))
            self.close()
        case .quitting: self.close()
        case .closed: break
        }
    }

    mutating func giveUp(_ cause: DeferralCause, permanent: Reply? = nil) {
        self.outbox.append(.unusable(cause, permanent: permanent))
        self.close()
    }

    /// The session is of no use to us, and nothing is wrong with the connection (RFC 5321 §4.1.1.10).
    mutating func decline(_ cause: DeferralCause) {
        self.outbox += [.unusable(cause, permanent: nil), .send("QUIT")]
        self.state = .quitting
    }

    mutating func close() {
        self.outbox.append(.close)
        self.state = .closed
        self.replies.clear()
    }

    private mutating func greeted(_ reply: Reply) {
        if reply.code.isCompletion {
            self.server.name = Self.name(in: reply)
            self.sayHello()
        } else {
            self.rejected(reply)
        }
    }

    mutating func sayHello() {
        self.outbox.append(.send("EHLO \(self.configuration.hostname)"))
        self.state = .hello(extended: true)
    }

    private mutating func helloAnswered(_ reply: Reply, extended: Bool) {
        if reply.code.isCompletion {
            self.server.name = Self.name(in: reply) ?? self.server.name
            if extended { self.server.readExtensions(reply) }
            self.introduced()
        } else if extended, reply.code.isPermanent {
            self.outbox.append(.send("HELO \(self.configuration.hostname)"))  // §3.2
            self.state = .hello(extended: false)
        } else {
            self.rejected(reply)
        }
    }

    /// What has to be done before transactions, one after the other: TLS, then AUTH.
    mutating func introduced() {
        if self.wantsTLS {
            self.requestTLS()
        } else if !self.configuration.mechanisms.isEmpty {
            self.requestAuthentication()
        } else {
            self.state = .ready(announced: false)
        }
    }

    private mutating func rejected(_ reply: Reply) {
        if reply.code.isTransient || reply.code.isPermanent {
            self.giveUp(.reply(reply), permanent: reply.code.isPermanent ? reply : nil)
        } else {
            self.giveUp(.malformedReply(self.phase))
        }
    }

    private mutating func answered(_ exchange: Exchange, _ reply: Reply) {
        var exchange = exchange
        switch exchange.received(reply) {
        case .goOn: self.state = .commands(exchange)
        case .sendContent:
            self.encoder = ContentEncoder()
            self.state = .content(exchange, .due)
        case .sendChunks:
            let isBinary = exchange.transaction.body == .binary
            self.state = .chunks(exchange, Chunks(encoder: isBinary ? nil : ContentEncoder(doublesDots: false)))
        case .sendLoneDot:
            // The server waits for mail data that nobody accepted: the dot alone gets both out of it (RFC 2920 §3.1).
            self.state = .content(exchange, .ended)
        case .nothingAccepted:
            self.outbox.append(.finished(exchange.settled(.deferred(.reply(reply)))))
            self.outbox.append(.send("RSET"))
            self.state = .resetting(awaited: 1)
        case .malformed: self.fail(.malformedReply(exchange.phase))
        }
    }

    private mutating func finallyAnswered(_ exchange: Exchange, _ reply: Reply) {
        guard reply.code.isCompletion || reply.code.isTransient || reply.code.isPermanent else {
            return self.fail(.malformedReply(.finalReply))
        }
        let outcomes =
            reply.code.isCompletion ? exchange.relayed(reply) : exchange.settled(Outcome(refusedWith: reply))
        self.outbox.append(.finished(outcomes))
        self.state = .ready(announced: false)
    }

    /// The first word of the first line is a domain (§4.2); nothing hostile is taken for one.
    private static func name(in reply: Reply) -> String? {
        guard let word = reply.lines.first?.split(separator: " ").first else { return nil }
        return (try? Domain(parsing: word))?.text
    }
}
