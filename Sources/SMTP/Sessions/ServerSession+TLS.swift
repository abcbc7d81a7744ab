/// STARTTLS (RFC 3207).
extension ServerSession {
    mutating func startTLS(_ standing: Standing) {
        guard !self.isSecured else { return self.fail(Reply(503, "5.5.1", "TLS is active already")) }
        guard self.isExtended else { return self.fail(Self.sayEHLO) }
        self.ask(.startTLS, standing)
    }

    /// What came behind the command was sent without protection, by the client or by somebody between, and must not
    /// count as said under TLS (CVE-2011-0411).
    mutating func acceptedTLS(_ reply: Reply?) {
        self.abandonContent()
        guard self.input.isEmpty else {
            self.outbox.append(.note("octets behind STARTTLS in plaintext were discarded"))
            return self.close(saying: Reply(554, "5.5.1", "Nothing may be pipelined behind STARTTLS"))
        }
        self.outbox.append(.send(reply ?? Reply(220, "2.0.0", "Ready to start TLS")))
        self.outbox.append(.startTLS)
        self.state = .securing
        self.knownClient = nil
        self.transaction = nil
    }

    mutating func receivedBehindStartTLS() {
        self.outbox.append(.note("octets behind STARTTLS in plaintext were discarded"))
        self.outbox.append(.close)
        self.state = .closed
    }

    /// Answers ``Action/startTLS``: the handshake is over, and what comes now is protected. All that the client said
    /// before is forgotten (RFC 3207 §4.2). A handshake that fails is a ``disconnected()``.
    public mutating func tlsEstablished() {
        switch self.state {
        case .securing:
            self.isSecured = true
            self.user = nil
            self.refreshOffer()
            self.state = .waiting(.stranger)
        case .closed: break
        case .connected, .waiting, .asking, .authenticating, .responding, .content, .storing, .sinking, .committing:
            preconditionFailure("TLS for a session that had not asked for it")
        }
    }
}
