import NIOCore

extension ServerSession {
    /// Answers a command line: with a reply, or with a question first. Sets the state.
    mutating func answer(_ line: LineBuffer.Line, _ standing: Standing) {
        self.state = .waiting(standing)
        guard !line.isCut else { return self.fail(CommandSyntaxError.lineTooLong(limit: Self.lineLimit).reply) }
        let command: Command
        do {
            command = try Command.parse(line.octets.readableBytesView)
        } catch {
            if case .reversePath = error { self.markRefusedMail() }
            if case .forwardPath = error { self.markRefusedRecipient() }
            return self.fail(error.reply)
        }
        if case .unserved = standing, command != .quit { return self.fail(Reply(503, "5.5.1", "Say QUIT")) }
        switch command {
        case .ehlo(let name): self.ask(.hello(name: name, extended: true), standing)
        case .helo(let name): self.ask(.hello(name: name, extended: false), standing)
        case .mail(let reversePath, let parameters): self.mail(reversePath, parameters, standing)
        case .rcpt(let forwardPath, let parameters): self.rcpt(forwardPath, parameters, standing)
        case .data: self.data(standing)
        case .rset: self.reply(Reply(250, "2.0.0", "Ok"), then: Self.reset(standing))
        case .noop: self.reply(Reply(250, "2.0.0", "Ok"), then: standing)
        case .quit: self.close(saying: Reply(221, "2.0.0", "Bye"))
        case .vrfy:
            // Whether a mailbox exists is not told to strangers, and a relay does not know (§3.5.3, §7.3).
            self.reply(Reply(252, "2.1.5", "Cannot VRFY; send some mail and it will be tried"), then: standing)
        case .expn: self.fail(CommandSyntaxError.notImplemented.reply)
        case .help:
            self.reply(
                Reply(214, "2.0.0", "Commands: EHLO HELO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT"), then: standing)
        }
    }

    mutating func accepted(_ question: Question, _ standing: consuming Standing) {
        switch question {
        case .greeting:
            self.reply(Reply(220, nil, "\(self.configuration.hostname) ESMTP Hoptop"), then: .stranger)
        case .hello(let name, let extended):
            self.reply(
                self.helloReply(extended: extended),
                then: .client(Client(name: name, extended: extended), afterRefusedMail: false))
        case .mail(let reversePath, let parameters):
            guard case .client(let client, _) = standing else { preconditionFailure("MAIL was asked about too early") }
            let envelope = Envelope(reversePath: reversePath, parameters: parameters)
            self.reply(Reply(250, "2.1.0", "Ok"), then: .transaction(client, envelope, refusedRecipients: false))
        case .recipient(let forwardPath, let parameters):
            guard case .transaction(let client, var envelope, let refused) = consume standing else {
                preconditionFailure("RCPT was asked about too early")
            }
            envelope.recipients.append(Envelope.Recipient(forwardPath, parameters: parameters))
            self.reply(Reply(250, "2.1.5", "Ok"), then: .transaction(client, envelope, refusedRecipients: refused))
        case .content:
            guard case .transaction(let client, let envelope, _) = standing else {
                preconditionFailure("DATA was asked about too early")
            }
            self.decoder = ContentDecoder()
            self.outbox.append(.send(Reply(354, nil, "End data with <CR><LF>.<CR><LF>")))
            self.state = .content(client, envelope)
        }
    }

    mutating func refused(_ question: Question, _ standing: Standing, with reply: Reply) {
        switch (question, standing) {
        case (.greeting, _): self.reply(reply, then: .unserved)
        case (.mail, .client(let client, _)): self.reply(reply, then: .client(client, afterRefusedMail: true))
        case (.recipient, .transaction(let client, let envelope, _)):
            self.reply(reply, then: .transaction(client, envelope, refusedRecipients: true))
        case (.hello, _), (.mail, _), (.recipient, _), (.content, _): self.reply(reply, then: standing)
        }
    }

    private mutating func mail(_ reversePath: ReversePath, _ parameters: [Parameter], _ standing: Standing) {
        switch standing {
        case .unserved, .stranger: self.fail(Reply(503, "5.5.1", "Say EHLO or HELO first"))
        case .transaction: self.fail(Reply(503, "5.5.1", "A transaction is open already"))
        case .client(let client, _):
            if let reply = self.objection(to: parameters, from: client) {
                self.markRefusedMail()
                if reply.code == 552 { self.outbox.append(.send(reply)) } else { self.fail(reply) }
            } else {
                self.ask(.mail(reversePath, parameters), standing)
            }
        }
    }

    /// What is wrong with MAIL's parameters: SIZE (RFC 1870) and BODY (RFC 6152) are understood, after EHLO.
    private func objection(to parameters: [Parameter], from client: Client) -> Reply? {
        for (index, parameter) in parameters.enumerated() {
            guard client.extended, parameter.keyword == "SIZE" || parameter.keyword == "BODY" else {
                return Self.unsupportedParameter
            }
            guard !parameters[..<index].contains(where: { $0.keyword == parameter.keyword }) else {
                return CommandSyntaxError.parameter.reply
            }
            let value = parameter.value ?? ""
            if parameter.keyword == "BODY" {
                guard value.utf8.spells("7BIT") || value.utf8.spells("8BITMIME") else {
                    return CommandSyntaxError.parameter.reply
                }
            } else {
                guard (1...20).contains(value.utf8.count), value.utf8.allSatisfy(\.isDigit) else {
                    return CommandSyntaxError.parameter.reply
                }
                // Twenty digits may be more than an Int holds, and are too large in any case.
                if self.configuration.maximumMessageOctets > 0,
                    Int(value) ?? .max > self.configuration.maximumMessageOctets
                {
                    return self.tooLargeReply
                }
            }
        }
        return nil
    }

    private mutating func rcpt(_ forwardPath: ForwardPath, _ parameters: [Parameter], _ standing: Standing) {
        switch standing {
        case .unserved, .stranger: self.fail(Reply(503, "5.5.1", "Say EHLO or HELO first"))
        case .client(_, let afterRefusedMail): self.outOfSequence("Say MAIL first", excused: afterRefusedMail)
        case .transaction(_, let envelope, _):
            guard parameters.isEmpty else {
                self.markRefusedRecipient()
                return self.fail(Self.unsupportedParameter)
            }
            guard envelope.recipients.count < self.configuration.maximumRecipients else {
                return self.reply(Reply(452, "4.5.3", "Too many recipients"), then: standing)
            }
            self.ask(.recipient(forwardPath, parameters), standing)
        }
    }

    private mutating func data(_ standing: Standing) {
        switch standing {
        case .unserved, .stranger: self.fail(Reply(503, "5.5.1", "Say EHLO or HELO first"))
        case .client(_, let afterRefusedMail): self.outOfSequence("Say MAIL first", excused: afterRefusedMail)
        case .transaction(_, let envelope, let refusedRecipients):
            if !envelope.recipients.isEmpty {
                self.ask(.content(envelope), standing)
            } else if refusedRecipients {
                self.reply(Reply(554, "5.5.1", "No valid recipients"), then: standing)
            } else {
                self.fail(Reply(503, "5.5.1", "Say RCPT first"))
            }
        }
    }

    private mutating func ask(_ question: Question, _ standing: Standing) {
        self.outbox.append(.decide(question))
        self.state = .asking(question, standing)
    }

    /// A command that was wrong in itself. The state is where it is.
    private mutating func fail(_ reply: Reply) {
        self.errors += 1
        if self.errors > self.configuration.maximumErrors {
            self.close(
                saying: Reply(421, "4.7.0", "\(self.configuration.hostname) Too many errors, closing the connection"))
        } else {
            self.outbox.append(.send(reply))
        }
    }

    /// RCPT and DATA pipelined behind a MAIL that is refused are no error of the client, which could not know; a hundred
    /// recipients must not turn the reply to MAIL into a 421.
    private mutating func outOfSequence(_ text: String, excused: Bool) {
        let reply = Reply(503, "5.5.1", text)
        if excused { self.outbox.append(.send(reply)) } else { self.fail(reply) }
    }

    private mutating func markRefusedMail() {
        if case .waiting(.client(let client, _)) = self.state {
            self.state = .waiting(.client(client, afterRefusedMail: true))
        }
    }

    private mutating func markRefusedRecipient() {
        if case .waiting(.transaction(let client, let envelope, _)) = self.state {
            self.state = .waiting(.transaction(client, envelope, refusedRecipients: true))
        }
    }

    private static func reset(_ standing: Standing) -> Standing {
        switch standing {
        case .unserved, .stranger: standing
        case .client(let client, _), .transaction(let client, _, _): .client(client, afterRefusedMail: false)
        }
    }

    private func helloReply(extended: Bool) -> Reply {
        guard extended else { return Reply(250, nil, self.configuration.hostname) }
        return Reply(
            250,
            lines: [
                self.configuration.hostname, "PIPELINING", "SIZE \(self.configuration.maximumMessageOctets)",
                "8BITMIME", "ENHANCEDSTATUSCODES",
            ])
    }

    private static let unsupportedParameter = Reply(555, "5.5.4", "Parameter not supported")
}
