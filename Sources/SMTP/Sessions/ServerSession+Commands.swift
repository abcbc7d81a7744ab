/// What each command is answered, by the state it meets (RFC 5321 §4.1.1, §4.3.2).
extension ServerSession {
    mutating func answer(_ command: Command) {
        switch command {
        case .ehlo(let name): self.ask(.hello(name: name, extended: true), .hello(Client(name: name, extended: true)))
        case .helo(let name): self.ask(.hello(name: name, extended: false), .hello(Client(name: name, extended: false)))
        case .mail(let path, let parameters): self.mail(path, parameters)
        case .rcpt(let path, let parameters): self.rcpt(path, parameters)
        case .data: self.data()
        case .rset:
            self.send(Reply(250, "2.0.0", "Ok"))
            if case .transaction(let client, _) = self.state { self.state = .ready(client) }
        case .noop: self.send(Reply(250, "2.0.0", "Ok"))
        case .quit: self.end(Reply(221, "2.0.0", "Bye"))
        case .vrfy: self.send(Reply(252, "2.1.5", "Cannot verify, but send mail and it will be tried"))
        case .expn: self.mistake(Reply(502, "5.5.1", "EXPN is not available"))
        case .help:
            self.send(
                Reply(214, "2.0.0", "EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP; see RFC 5321"))
        }
    }

    private mutating func mail(_ path: ReversePath, _ parameters: [Parameter]) {
        let client: Client
        switch self.state {
        case .ready(let known?): client = known
        case .ready(nil): return self.mistake(Reply(503, "5.5.1", "Send EHLO or HELO first"))
        case .transaction: return self.mistake(Reply(503, "5.5.1", "A transaction is open already"))
        case .connected, .judging, .content, .storing, .sinking, .committing, .closing, .closed:
            preconditionFailure("a command is read only between commands")
        }
        if let refusal = self.refusal(of: parameters, extended: client.extended) { return self.mistake(refusal) }
        let envelope = Envelope(reversePath: path, parameters: parameters)
        self.ask(.mail(path, parameters), .mail(client, envelope))
    }

    /// Only what EHLO announced may be asked for (§4.1.1.11).
    private func refusal(of parameters: [Parameter], extended: Bool) -> Reply? {
        for parameter in parameters {
            guard extended else { return Reply(555, "5.5.4", "Parameters need EHLO") }
            switch (parameter.keyword, parameter.value) {
            case ("SIZE", let value?):
                guard value.utf8.count <= 20, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                    return Reply(501, "5.5.4", "Syntax: SIZE=octets")
                }
                let limit = self.configuration.maximumMessageOctets
                if limit > 0, Int(value) ?? .max > limit {
                    return Reply(552, "5.3.4", "Message exceeds \(limit) octets")
                }
            case ("BODY", let value?) where ["7BIT", "8BITMIME"].contains(value.uppercased()): break
            case ("BODY", _): return Reply(501, "5.5.4", "Syntax: BODY=7BIT or BODY=8BITMIME")
            default: return Reply(555, "5.5.4", "Unsupported parameter \(parameter.keyword)")
            }
        }
        return nil
    }

    private mutating func rcpt(_ path: ForwardPath, _ parameters: [Parameter]) {
        guard case .transaction(let client, let envelope) = self.state else {
            return self.mistake(Reply(503, "5.5.1", "Send MAIL first"))
        }
        if let parameter = parameters.first {
            return self.mistake(Reply(555, "5.5.4", "Unsupported parameter \(parameter.keyword)"))
        }
        guard envelope.recipients.count < self.configuration.maximumRecipients else {
            return self.mistake(Reply(452, "4.5.3", "Too many recipients"))  // §4.5.3.1.10
        }
        self.ask(
            .recipient(path, parameters), .recipient(client, envelope, Envelope.Recipient(path, parameters: parameters))
        )
    }

    private mutating func data() {
        guard case .transaction(let client, let envelope) = self.state else {
            return self.mistake(Reply(503, "5.5.1", "Send MAIL and RCPT first"))
        }
        guard !envelope.recipients.isEmpty else {
            return self.mistake(Reply(554, "5.5.1", "No valid recipients"))  // §3.3
        }
        self.ask(.content(envelope), .content(client, envelope))
    }

    mutating func accepted(_ judged: Judged) {
        switch judged {
        case .greeting:
            self.state = .ready(nil)
            self.send(Reply(220, nil, "\(self.configuration.hostname) ESMTP Hoptop"))
        case .hello(let client):
            self.state = .ready(client)  // A transaction that was open is gone (§4.1.4).
            self.send(
                client.extended
                    ? Reply(
                        250,
                        lines: [
                            self.configuration.hostname, "PIPELINING",
                            "SIZE \(self.configuration.maximumMessageOctets)",
                            "8BITMIME", "ENHANCEDSTATUSCODES",
                        ]) : Reply(250, nil, self.configuration.hostname))
        case .mail(let client, let envelope):
            self.state = .transaction(client, envelope)
            self.send(Reply(250, "2.1.0", "Ok"))
        case .recipient(let client, var envelope, let recipient):
            envelope.recipients.append(recipient)
            self.state = .transaction(client, envelope)
            self.send(Reply(250, "2.1.5", "Ok"))
        case .content(let client, let envelope):
            self.beginContent(client, envelope)
            self.send(Reply(354, nil, "End data with <CR><LF>.<CR><LF>"))
        }
    }

    mutating func refused(_ judged: Judged, _ reply: Reply) {
        switch judged {
        case .greeting: return self.end(reply)
        case .hello: self.state = .ready(nil)  // The client stays unknown; MAIL then meets 503.
        case .mail(let client, _): self.state = .ready(client)
        case .recipient(let client, let envelope, _), .content(let client, let envelope):
            self.state = .transaction(client, envelope)
        }
        self.send(reply)
    }
}
