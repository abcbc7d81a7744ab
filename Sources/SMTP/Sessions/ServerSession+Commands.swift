import NIOCore

extension ServerSession {
    /// Answers a command line: with a reply, or with a question first. The session waits for one, and goes on waiting
    /// unless the state is set here.
    mutating func answer(_ line: LineBuffer.Line, _ standing: Standing) {
        let isAUTH = self.mask.isBehindAUTH
        guard !line.isCut, isAUTH || line.octets.readableBytes <= Self.lineLimit else {
            return self.fail(
                isAUTH ? Self.authLineTooLong : CommandSyntaxError.lineTooLong(limit: Self.lineLimit).reply)
        }
        let command: Command
        do {
            command = try Command.parse(line.octets.readableBytesView, known: self.configuration.extensions)
        } catch {
            return self.refuse(error)
        }
        if case .unserved = standing, !Self.isQuitOrChunk(command) { return self.fail(Reply(503, "5.5.1", "Say QUIT")) }
        guard self.input.isEmpty || self.mayBePipelined(command) else { return }
        switch command {
        case .ehlo(let name): self.hello(name, extended: true, isLMTP: false, standing)
        case .helo(let name): self.hello(name, extended: false, isLMTP: false, standing)
        case .lhlo(let name): self.hello(name, extended: true, isLMTP: true, standing)
        case .mail(let reversePath, let parameters): self.mail(reversePath, parameters, standing)
        case .rcpt(let forwardPath, let parameters): self.rcpt(forwardPath, parameters, standing)
        case .data: self.data(standing)
        case .bdat(let octets, let isLast): self.bdat(octets: octets, isLast: isLast, standing)
        case .startTLS: self.startTLS(standing)
        case .auth(let mechanism, let initialResponse): self.auth(mechanism, initialResponse, standing)
        case .etrn(let request): self.etrn(request, standing)
        case .xclient(let attributes): self.xclient(attributes, standing)
        case .xforward(let attributes): self.xforward(attributes, standing)
        case .rset:
            self.abandonContent()
            self.reply(Self.ok, then: self.reset(standing))
        case .noop: self.reply(Self.ok, then: standing)
        case .quit: self.close(saying: Reply(221, "2.0.0", "Bye"))
        case .vrfy:
            // Whether a mailbox exists is not told to strangers, and a relay does not know (§3.5.3, §7.3).
            self.reply(Reply(252, "2.1.5", "Cannot VRFY; send some mail and it will be tried"), then: standing)
        case .expn: self.fail(CommandSyntaxError.notImplemented.reply)
        case .help: self.reply(Reply(214, "2.0.0", "Commands: \(self.commands)"), then: standing)
        }
    }

    /// - Parameter own: what the driver says in place of the usual reply.
    mutating func accepted(_ question: Question, _ standing: Standing, _ own: Reply?) {
        switch question {
        case .greeting:
            guard self.input.isEmpty || self.talkedEarly("octets before the greeting") else { return }
            self.reply(own ?? self.greeting, then: .stranger)
        case .hello(let name, let extended):
            self.abandonContent()
            self.knownClient = Client(name: name, extended: extended)
            self.reply(own ?? self.helloReply(extended: extended), then: self.endTransaction())
        case .mail:
            self.reply(own ?? Self.senderOk, then: standing)
        case .recipient(let forwardPath, let parameters):
            self.transaction?.envelope.recipients.append(Envelope.Recipient(forwardPath, parameters: parameters))
            self.reply(own ?? Self.recipientOk, then: standing)
        case .content: if self.isChunked { self.acceptedChunk() } else { self.acceptedData(own) }
        case .startTLS: self.acceptedTLS(own)
        case .etrn(let request):
            self.reply(own ?? Reply(250, "2.0.0", "Queuing for \(request) started"), then: standing)
        case .xclient(let attributes): self.acceptedXCLIENT(attributes, own)
        case .xforward: self.reply(own ?? Self.ok, then: standing)
        }
    }

    mutating func refused(_ question: Question, _ standing: Standing, with reply: Reply) {
        switch question {
        case .greeting: self.reply(reply, then: .unserved)
        case .mail: self.reply(reply, then: self.endTransaction(afterRefusedMail: true))
        case .recipient:
            self.transaction?.refusedRecipients = true
            self.reply(reply, then: standing)
        case .content where self.isChunked: self.refusedChunk(with: reply)
        case .hello, .content, .startTLS, .etrn, .xclient, .xforward: self.reply(reply, then: standing)
        }
    }

    // MARK: commands

    private mutating func hello(_ name: String, extended: Bool, isLMTP: Bool, _ standing: Standing) {
        // LMTP has a greeting of its own, so that neither is mistaken for the other (RFC 2033 §4.1).
        guard isLMTP == (self.configuration.role == .lmtp) else {
            return self.fail(CommandSyntaxError.unrecognized.reply)
        }
        self.ask(.hello(name: name, extended: extended), standing)
    }

    private mutating func mail(_ reversePath: ReversePath, _ parameters: [Parameter], _ standing: Standing) {
        switch standing {
        case .unserved, .stranger: self.fail(self.sayHello)
        case .transaction: self.fail(Self.inTransaction)
        case .client:
            do {
                var read = try MailParameters(parameters, offered: self.isExtended ? self.offered : [])
                // Whoever did not authenticate cannot vouch for somebody (RFC 4954 §5).
                if self.user == nil, read.auth != nil { read.auth = "<>" }
                if let reply = self.objection(to: read) {
                    self.markRefusedMail()
                    return self.outbox.append(.send(reply))
                }
                self.transaction = Transaction(Envelope(reversePath: reversePath, parameters: parameters), read)
                self.ask(.mail(reversePath, parameters), .transaction)
            } catch {
                self.markRefusedMail()
                self.fail(error.reply)
            }
        }
    }

    /// What stands against a MAIL that is well-formed.
    private func objection(to parameters: MailParameters) -> Reply? {
        let configuration = self.configuration
        if self.user == nil, configuration.role == .submission {
            return Reply(530, "5.7.0", "Authentication required")  // RFC 6409 §4.3.
        }
        if configuration.maximumMessageOctets > 0, let size = parameters.size,
            size > configuration.maximumMessageOctets
        {
            return self.tooLargeReply
        }
        if let limit = configuration.holdLimit {
            switch parameters.futureRelease {
            case .after(let seconds)? where seconds > limit.seconds:
                return Reply(501, "5.5.4", "HOLDFOR may be \(limit.seconds) seconds at most")
            case .at(let milliseconds)? where milliseconds > limit.until:
                return Reply(501, "5.5.4", "HOLDUNTIL is too late")
            case .after?, .at?, nil: break
            }
        }
        return nil
    }

    private mutating func rcpt(_ forwardPath: ForwardPath, _ parameters: [Parameter], _ standing: Standing) {
        switch standing {
        case .unserved, .stranger: self.fail(self.sayHello)
        case .client(let afterRefusedMail): self.outOfSequence("Say MAIL first", excused: afterRefusedMail)
        case .transaction:
            guard !self.isChunked else { return self.fail(Self.inChunks) }
            guard self.isASCII(forwardPath, parameters) || self.transaction?.parameters.smtpUTF8 == true else {
                self.markRefusedRecipient()
                return self.fail(CommandSyntaxError.needsSMTPUTF8.reply)
            }
            if !parameters.isEmpty {
                do {
                    _ = try RecipientParameters(parameters, offered: self.isExtended ? self.offered : [])
                } catch {
                    self.markRefusedRecipient()
                    return self.fail(error.reply)
                }
            }
            guard self.recipients < self.configuration.maximumRecipients else {
                return self.reply(Reply(452, "4.5.3", "Too many recipients"), then: standing)
            }
            self.ask(.recipient(forwardPath, parameters), standing)
        }
    }

    private func isASCII(_ path: ForwardPath, _ parameters: [Parameter]) -> Bool {
        // Where SMTPUTF8 is not known no other octets come this far.
        path.isASCII && parameters.allSatisfy(\.isASCII) || !self.understands(.smtpUTF8)
    }

    private mutating func data(_ standing: Standing) {
        switch standing {
        case .unserved, .stranger: self.fail(self.sayHello)
        case .client(let afterRefusedMail): self.outOfSequence("Say MAIL first", excused: afterRefusedMail)
        case .transaction:
            guard let transaction = self.transaction else { preconditionFailure("a transaction that is not there") }
            if transaction.isChunked {
                self.fail(Self.inChunks)
            } else if transaction.parameters.body == .binary {
                self.fail(Reply(503, "5.5.1", "BODY=BINARYMIME needs BDAT"))  // RFC 3030 §3.
            } else if !transaction.envelope.recipients.isEmpty {
                self.ask(.content(transaction.envelope), standing)
            } else if transaction.refusedRecipients {
                self.reply(self.noRecipientsReply(transaction), then: standing)
            } else {
                self.fail(self.noRecipientsReply(transaction))
            }
        }
    }

    var isChunked: Bool { self.transaction?.isChunked == true }

    /// LMTP knows no 554 here (RFC 2033 §4.2).
    func noRecipientsReply(_ transaction: Transaction) -> Reply {
        guard transaction.refusedRecipients else { return Reply(503, "5.5.1", "Say RCPT first") }
        return Reply(self.configuration.role == .lmtp ? 503 : 554, "5.5.1", "No valid recipients")
    }

    private mutating func acceptedData(_ own: Reply?) {
        self.isContentOpen = true
        guard self.input.isEmpty || self.talkedEarly("mail data before the reply to DATA") else { return }
        self.decoder = ContentDecoder(.dot, folds: self.configuration.longLines == .fold)
        self.outbox.append(.send(own ?? Reply(354, nil, "End data with <CR><LF>.<CR><LF>")))
        self.state = .content
    }

    // MARK: mistakes

    private mutating func refuse(_ error: CommandSyntaxError) {
        switch error {
        case .reversePath: self.markRefusedMail()
        case .forwardPath: self.markRefusedRecipient()
        case .chunkSize: return self.close(saying: error.reply)
        case .unrecognized, .notImplemented, .lineTooLong, .forbiddenOctet, .needsSMTPUTF8, .argument, .parameter,
            .base64:
            break
        }
        self.fail(error.reply)
    }

    /// RCPT and DATA pipelined behind a MAIL that is refused are no error of the client, which could not know; a hundred
    /// recipients must not turn the reply to MAIL into a 421.
    private mutating func outOfSequence(_ text: String, excused: Bool) {
        let reply = Reply(503, "5.5.1", text)
        if excused { self.outbox.append(.send(reply)) } else { self.fail(reply) }
    }

    private mutating func markRefusedMail() {
        if case .waiting(.client) = self.state { self.state = .waiting(.client(afterRefusedMail: true)) }
    }

    private mutating func markRefusedRecipient() {
        if case .waiting(.transaction) = self.state { self.transaction?.refusedRecipients = true }
    }

    /// A command with something behind it: whether the session goes on. The commands that change what the next one means
    /// end a group, and without PIPELINING each does (RFC 2920 §3.1). DATA is judged when it is accepted, and STARTTLS
    /// too.
    private mutating func mayBePipelined(_ command: Command) -> Bool {
        switch command {
        case .ehlo, .helo, .lhlo: return self.talkedEarly("commands behind EHLO")
        case .auth: return self.talkedEarly("octets behind AUTH")
        case .data, .startTLS, .quit, .bdat: return true
        case .mail, .rcpt, .rset, .noop, .vrfy, .expn, .help, .etrn, .xclient, .xforward:
            let isOffered = self.isExtended && self.offered.contains(.pipelining)
            return isOffered || self.talkedEarly("commands in a group without PIPELINING")
        }
    }

    private static func isQuitOrChunk(_ command: Command) -> Bool {
        switch command {
        case .quit, .bdat: true
        case .ehlo, .helo, .lhlo, .mail, .rcpt, .data, .rset, .noop, .vrfy, .expn, .help, .startTLS, .auth, .etrn,
            .xclient, .xforward:
            false
        }
    }

    private mutating func reset(_ standing: Standing) -> Standing {
        switch standing {
        case .unserved, .stranger: standing
        case .client, .transaction: self.endTransaction()
        }
    }

    /// EHLO was said, and not HELO.
    var isExtended: Bool { self.knownClient?.extended == true }

    // MARK: replies

    var greeting: Reply {
        Reply(220, nil, "\(self.configuration.hostname) \(self.configuration.role == .lmtp ? "LMTP" : "ESMTP") Hoptop")
    }

    private func helloReply(extended: Bool) -> Reply {
        Reply(250, lines: [self.configuration.hostname] + (extended ? self.offer : []))
    }

    private var commands: String {
        var verbs = self.configuration.role == .lmtp ? ["LHLO"] : ["EHLO", "HELO"]
        verbs += ["MAIL", "RCPT", "DATA"]
        if self.offered.contains(.chunking) { verbs.append("BDAT") }
        verbs += ["RSET", "NOOP", "VRFY", "HELP", "QUIT"]
        for named in [ServiceExtension.startTLS, .auth, .etrn] where self.offered.contains(named) {
            verbs.append(named.rawValue)
        }
        return verbs.joined(separator: " ")
    }

    var sayHello: Reply {
        Reply(503, "5.5.1", self.configuration.role == .lmtp ? "Say LHLO first" : "Say EHLO or HELO first")
    }

    private static let ok = Reply(250, "2.0.0", "Ok")
    private static let senderOk = Reply(250, "2.1.0", "Ok")
    private static let recipientOk = Reply(250, "2.1.5", "Ok")
    /// The reply to commands that HELO does not bring.
    static let sayEHLO = Reply(503, "5.5.1", "Say EHLO first")
    static let inTransaction = Reply(503, "5.5.1", "A transaction is open already")
    private static let inChunks = Reply(503, "5.5.1", "Chunks have begun; say BDAT or RSET")
}
