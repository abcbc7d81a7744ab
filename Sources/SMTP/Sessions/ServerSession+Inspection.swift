extension ServerSession {
    public var phase: SessionPhase {
        switch self.state {
        case .connected: .greeting
        case .waiting(let standing): self.phase(of: standing)
        case .asking(let question, let standing):
            switch question {
            case .greeting: .greeting
            case .hello: .hello
            case .mail: .mail
            case .recipient: .rcpt
            case .content: .data
            case .startTLS, .etrn, .xclient, .xforward: self.phase(of: standing)
            }
        case .securing: .tls
        case .authenticating, .responding: .auth
        case .content, .storing, .sinking: .content
        case .committing: .finalReply
        case .closed: .closed
        }
    }

    /// What a driver asks for after each of its turns.
    public struct Look: Sendable {
        public let phase: SessionPhase
        /// Accepted recipients of the open transaction.
        public let recipients: Int
        /// Octets of the current content, as they arrived; `nil` when none flows.
        public let contentOctets: Int?
        public let wantsInput: Bool
        public let awaitsClient: Bool
    }

    /// Mutating, though nothing changes: so a session that lies in an object is looked at where it is, and not copied first.
    public mutating func look() -> Look {
        Look(
            phase: self.phase, recipients: self.recipients,
            contentOctets: self.isContentUnderWay ? self.decoder.octets : nil, wantsInput: self.wantsInput,
            awaitsClient: self.awaitsClient)
    }

    /// How the client is told of in what its mail carries along.
    public struct Introduction: Sendable {
        /// What it called itself; `nil` before EHLO or HELO.
        public let hello: String?
        public let transferProtocol: String
        /// Who logged in.
        public let user: String?
    }

    /// Mutating as ``look()``.
    public mutating func introduction() -> Introduction {
        Introduction(hello: self.knownClient?.name, transferProtocol: self.transferProtocol, user: self.user)
    }

    /// Whether the driver should read on: not when an answer is awaited that has enough behind it, or a client sends
    /// faster than it is served.
    public var wantsInput: Bool {
        switch self.state {
        case .connected, .asking, .authenticating, .committing: self.input.readableOctets < Self.waitingInputLimit
        // One read ahead of the disk.
        case .storing: self.input.readableOctets == 0
        case .waiting, .securing, .responding, .content, .sinking: self.input.readableOctets <= Self.inputLimit
        case .closed: false
        }
    }

    /// Whether nothing happens before the client says something; else somebody here owes an answer.
    public var awaitsClient: Bool {
        switch self.state {
        case .waiting, .securing, .responding, .content, .sinking: true
        case .connected, .asking, .authenticating, .storing, .committing, .closed: false
        }
    }

    /// Who the client says it is; `nil` before EHLO or HELO.
    public var client: (name: String, extended: Bool)? { self.knownClient.map { ($0.name, $0.extended) } }

    /// Octets of the current content, decoded; 0 when none flows.
    public var contentOctets: Int { self.isContentUnderWay ? self.decoder.octets : 0 }

    private var isContentUnderWay: Bool {
        switch self.state {
        case .content, .storing, .sinking, .committing: true
        case .waiting(.transaction): self.isChunked
        case .connected, .waiting, .asking, .securing, .authenticating, .responding, .closed: false
        }
    }

    /// The open transaction's, or that of the one whose MAIL is being decided; `nil` once its content is refused.
    public var envelope: Envelope? {
        if case .sinking = self.state { nil } else { self.transaction?.envelope }
    }

    /// Recipients of the open transaction that were accepted.
    public var recipients: Int { self.transaction?.envelope.recipients.count ?? 0 }

    /// What the parameters of its MAIL mean.
    public var mailParameters: MailParameters? {
        if case .sinking = self.state { nil } else { self.transaction?.parameters }
    }

    /// What Received says behind `with` (RFC 3848, RFC 6531 §4.3): `ESMTPSA`, `LMTP`, `UTF8SMTPS`.
    public var transferProtocol: String {
        guard self.isExtended else { return "SMTP" }
        let isUTF8 = self.mailParameters?.smtpUTF8 == true
        let name =
            switch self.configuration.role {
            case .relay, .submission: isUTF8 ? "UTF8SMTP" : "ESMTP"
            case .lmtp: isUTF8 ? "UTF8LMTP" : "LMTP"
            }
        return name + (self.isSecured ? "S" : "") + (self.user == nil || self.configuration.user != nil ? "" : "A")
    }

    private func phase(of standing: Standing) -> SessionPhase {
        switch standing {
        case .unserved: .greeting
        case .stranger: .hello
        case .client: .idle
        case .transaction: self.isChunked ? .content : self.recipients == 0 ? .mail : .rcpt
        }
    }
}
