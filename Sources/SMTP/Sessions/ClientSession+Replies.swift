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
        case .commands: self.commandAnswered(reply)
        case .content: self.answeredEarly(reply)
        case .finalReply: self.finallyAnswered(reply)
        case .chunks(let chunks): self.chunkAnswered(chunks, reply)
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
        case .commands, .content, .finalReply, .chunks:
            self.finish(.deferred(cause))
            self.close()
        case .quitting: self.close()
        case .closed: break
        }
    }

    /// The transaction is over, with this outcome for everybody who has none yet.
    mutating func finish(_ outcome: Outcome) {
        guard let exchange = self.exchange.take() else { preconditionFailure("the end of no transaction") }
        self.outbox.append(.finished(exchange.settled(outcome)))
    }

    /// A 2yz answers all of the content.
    mutating func finishRelayed(_ reply: Reply) {
        self.finish(.relayed(reply, dsn: self.exchange?.means.dsn == true))
        self.state = .ready(announced: false)
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

    /// The greeting or HELO was answered with anything but a 2yz.
    private mutating func rejected(_ reply: Reply) {
        if reply.code.isTransient || reply.code.isPermanent {
            // A 5yz to HELO may be about our name, which the operator can set right; 521 is about the host (RFC 7504 §3).
            let isGreeting = if case .greeting = self.state { true } else { false }
            let isFinal = reply.code == 521 || isGreeting && reply.code.isPermanent
            self.giveUp(.reply(reply), permanent: isFinal ? reply : nil)
        } else {
            self.giveUp(.malformedReply(self.phase))
        }
    }

    private mutating func commandAnswered(_ reply: Reply) {
        switch self.exchange?.received(reply) {
        case .goOn: break
        case .sendContent:
            self.encoder = ContentEncoder()
            self.state = .content(.due)
        case .sendChunks:
            let isBinary = self.exchange?.transaction.body == .binary
            self.state = .chunks(Chunks(encoder: isBinary ? nil : ContentEncoder(doublesDots: false)))
        case .sendLoneDot:
            // The server waits for mail data that nobody accepted: the dot alone gets both out of it (RFC 2920 §3.1).
            self.state = .content(.ended)
        case .nothingAccepted:
            self.finish(.deferred(.reply(reply)))
            self.outbox.append(.send("RSET"))
            self.state = .resetting(awaited: 1)
        case .malformed, nil: self.fail(.malformedReply(self.phase))
        }
    }

    private mutating func finallyAnswered(_ reply: Reply) {
        if reply.code.isCompletion {
            self.finishRelayed(reply)
        } else if reply.code.isTransient || reply.code.isPermanent {
            self.finish(Outcome(refusedWith: reply))
            self.state = .ready(announced: false)
        } else {
            self.fail(.malformedReply(.finalReply))
        }
    }

    /// The first word of the first line is a domain (§4.2); nothing hostile is taken for one.
    private static func name(in reply: Reply) -> String? {
        guard let word = reply.lines.first?.split(separator: " ").first else { return nil }
        return (try? Domain(parsing: word))?.text
    }
}
