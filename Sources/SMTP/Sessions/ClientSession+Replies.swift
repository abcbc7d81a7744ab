extension ClientSession {
    /// What follows from a reply. Sets the state.
    mutating func received(_ reply: Reply) {
        // 421 may answer any command, or none (RFC 5321 §3.8), so it is matched before asking which one it answers.
        guard reply.code != 421 else { return self.fail(.reply(reply)) }
        switch self.state {
        case .greeting: self.greeted(reply)
        case .hello(let extended): self.helloAnswered(reply, extended: extended)
        case .ready: self.fail(.malformedReply(.idle))  // Nobody asked; what it answers next would be guesswork.
        case .commands(let exchange): self.answered(exchange, reply)
        case .content(let exchange, _): self.answeredEarly(exchange, reply)
        case .finalReply(let exchange): self.finallyAnswered(exchange, reply)
        case .resetting:
            if reply.code.isCompletion {
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
        case .greeting, .hello, .ready, .resetting: self.giveUp(cause)
        case .commands(let exchange), .content(let exchange, _), .finalReply(let exchange):
            self.outbox.append(.finished(exchange.settled(.deferred(cause))))
            self.close()
        case .quitting: self.close()
        case .closed: break
        }
    }

    private mutating func giveUp(_ cause: DeferralCause, permanent: Reply? = nil) {
        self.outbox.append(.unusable(cause, permanent: permanent))
        self.close()
    }

    private mutating func close() {
        self.outbox.append(.close)
        self.state = .closed
        self.replies.clear()
    }

    private mutating func greeted(_ reply: Reply) {
        if reply.code.isCompletion {
            self.server.name = Self.name(in: reply)
            self.outbox.append(.send("EHLO \(self.configuration.hostname)"))
            self.state = .hello(extended: true)
        } else {
            self.rejected(reply)
        }
    }

    private mutating func helloAnswered(_ reply: Reply, extended: Bool) {
        if reply.code.isCompletion {
            self.server.name = Self.name(in: reply) ?? self.server.name
            if extended { self.readExtensions(reply) }
            self.state = .ready(announced: false)
        } else if extended, reply.code.isPermanent {
            self.outbox.append(.send("HELO \(self.configuration.hostname)"))  // §3.2
            self.state = .hello(extended: false)
        } else {
            self.rejected(reply)
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
        case .sendLoneDot:
            // The server waits for mail data that nobody accepted: the dot alone gets both out of it (RFC 2920 §3.1).
            self.state = .content(exchange, .ended)
        case .nothingAccepted:
            self.outbox.append(.finished(exchange.settled(.deferred(.reply(reply)))))
            self.outbox.append(.send("RSET"))
            self.state = .resetting
        case .malformed: self.fail(.malformedReply(exchange.phase))
        }
    }

    /// A reply while mail data is under way.
    ///
    /// A 2yz answers nothing that was asked, and must not count as one to a dot that the server has not seen. A 4yz or
    /// 5yz is a server that gave up, the size or the disk being too much for it: that is its verdict, and the connection
    /// ends, since there is no dot to come back from.
    private mutating func answeredEarly(_ exchange: Exchange, _ reply: Reply) {
        if reply.code.isTransient || reply.code.isPermanent {
            self.outbox.append(.finished(exchange.settled(Outcome(refusedWith: reply))))
            self.close()
        } else {
            self.fail(.malformedReply(.content))
        }
    }

    private mutating func finallyAnswered(_ exchange: Exchange, _ reply: Reply) {
        guard reply.code.isCompletion || reply.code.isTransient || reply.code.isPermanent else {
            return self.fail(.malformedReply(.finalReply))
        }
        let outcome: Outcome = reply.code.isCompletion ? .relayed(reply) : Outcome(refusedWith: reply)
        self.outbox.append(.finished(exchange.settled(outcome)))
        self.state = .ready(announced: false)
    }

    /// EHLO's lines behind the first: a keyword and its parameters each (§4.1.1.1).
    private mutating func readExtensions(_ reply: Reply) {
        for line in reply.lines.dropFirst() {
            let words = line.utf8.split(whereSeparator: { $0 == .space || $0 == .tab || $0 == UInt8(ascii: "=") })
            guard let keyword = words.first, keyword.allSatisfy({ $0.isLetterOrDigit || $0 == .hyphen }) else {
                continue
            }
            self.server.extensions.insert(String(decoding: keyword.map(\.upper), as: UTF8.self))
            if keyword.spells("SIZE"), words.count > 1 {
                let limit = Int(String(decoding: words[1], as: UTF8.self)) ?? 0
                self.server.maximumMessageOctets = limit > 0 ? limit : nil  // 0: no fixed limit (RFC 1870 §4).
            }
        }
    }

    /// The first word of the first line is a domain (§4.2); nothing hostile is taken for one.
    private static func name(in reply: Reply) -> String? {
        guard let word = reply.lines.first?.split(separator: " ").first else { return nil }
        return (try? Domain(parsing: word))?.text
    }
}
