/// STARTTLS (RFC 3207).
extension ClientSession {
    var wantsTLS: Bool {
        guard self.security == .none, !self.goesWithoutTLS else { return false }
        switch self.configuration.tls {
        case .never: return false
        case .ifOffered: return self.server.offers(.startTLS)
        case .always: return true
        }
    }

    mutating func requestTLS() {
        guard self.server.offers(.startTLS) else { return self.decline(.tlsNotOffered) }
        self.outbox.append(.send("STARTTLS"))
        self.state = .startingTLS
    }

    mutating func startTLSAnswered(_ reply: Reply) {
        if reply.code == 220 {
            // Octets behind the 220 were put there by somebody between, to be read as if they had come under TLS.
            guard self.replies.isEmpty else { return self.fail(.malformedReply(.tls)) }
            self.outbox.append(.startTLS)
            self.state = .handshake
        } else if reply.code.isTransient || reply.code.isPermanent {
            switch self.configuration.tls {
            case .always: self.decline(.tlsRefused(reply))
            case .ifOffered, .never:
                self.goesWithoutTLS = true
                self.introduced()
            }
        } else {
            self.fail(.malformedReply(.tls))
        }
    }

    /// Answers ``Action/startTLS``. Everything learned before is forgotten, and EHLO said again (RFC 3207 §4.2).
    ///
    /// - Parameter verified: The certificate was checked, and is this server's.
    public mutating func tlsEstablished(verified: Bool = false) {
        switch self.state {
        case .handshake:
            self.security = verified ? .verified : .encrypted
            self.server = Server()
            self.sayHello()
        case .closed: break
        case .greeting, .hello, .startingTLS, .choosing, .authenticating, .ready, .commands, .content, .finalReply,
            .chunks, .resetting, .quitting:
            preconditionFailure("TLS in a session that had not asked for it")
        }
    }

    /// Answers ``Action/startTLS``: there is no connection to go on with.
    public mutating func tlsFailed(_ reason: String) {
        switch self.state {
        case .handshake:
            let plaintextAllowed =
                switch self.configuration.tls {
                case .ifOffered: true
                case .never, .always: false
                }
            self.giveUp(.tlsFailed(reason, plaintextAllowed: plaintextAllowed))
        case .closed: break
        case .greeting, .hello, .startingTLS, .choosing, .authenticating, .ready, .commands, .content, .finalReply,
            .chunks, .resetting, .quitting:
            preconditionFailure("TLS in a session that had not asked for it")
        }
    }
}
