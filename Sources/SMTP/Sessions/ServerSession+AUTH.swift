public import NIOCore

/// A step of a SASL exchange, for whoever knows the mechanisms and the users (RFC 4422 §3).
public enum SASLStep: Equatable, Sendable {
    /// An exchange begins; what was left of one before is over.
    case begin(mechanism: String, initialResponse: ByteBuffer?)
    case response(ByteBuffer)
}

public enum SASLVerdict: Equatable, Sendable {
    case challenge(ByteBuffer)
    /// Data, if any, is sent as a last challenge, which the client answers with nothing (RFC 4954 §4).
    case succeeded(user: String, finalData: ByteBuffer? = nil)
    /// 535 5.7.8 for wrong credentials (RFC 4954 §6).
    case failed(Reply)
}

/// AUTH (RFC 4954).
extension ServerSession {
    mutating func auth(_ mechanism: String, _ initialResponse: ByteBuffer?, _ standing: Standing) {
        switch standing {
        case .unserved, .stranger: self.fail(self.sayHello)
        case .transaction: self.fail(Reply(503, "5.5.1", "AUTH has no place in a transaction"))
        case .client:
            guard self.isExtended else { return self.fail(Self.sayEHLO) }
            guard self.user == nil else { return self.fail(Reply(503, "5.5.1", "Authenticated already")) }
            guard self.offered.contains(.auth) else {
                return self.fail(Reply(538, "5.7.11", "AUTH needs encryption, say STARTTLS first"))
            }
            guard self.configuration.mechanisms.contains(mechanism) else {
                return self.fail(Reply(504, "5.5.4", "Authentication mechanism not supported"))
            }
            self.outbox.append(.authenticate(.begin(mechanism: mechanism, initialResponse: initialResponse)))
            self.state = .authenticating
        }
    }

    /// The client's line after a 334.
    mutating func responded(_ line: LineBuffer.Line, _ user: String?) {
        self.state = .waiting(.client(afterRefusedMail: false))
        let text = line.octets.readableBytesView
        guard !line.isCut else { return self.fail(Self.authLineTooLong) }
        guard !text.elementsEqual([UInt8(ascii: "*")]) else {
            return self.fail(Reply(501, "5.7.0", "Authentication cancelled"))
        }
        guard let octets = Base64.decode(text) else { return self.fail(CommandSyntaxError.base64.reply) }
        if let user {
            guard octets.isEmpty else { return self.fail(Reply(501, "5.5.2", "Nothing more was to be said")) }
            self.authenticated(user)
        } else {
            self.outbox.append(.authenticate(.response(ByteBuffer(bytes: octets))))
            self.state = .authenticating
        }
    }

    /// Answers ``Action/authenticate(_:)``.
    public mutating func answered(_ verdict: SASLVerdict) {
        switch self.state {
        case .authenticating:
            self.state = .waiting(.client(afterRefusedMail: false))
            switch verdict {
            case .challenge(let octets): self.challenge(octets, user: nil)
            case .succeeded(let user, let finalData?): self.challenge(finalData, user: user)
            case .succeeded(let user, nil): self.authenticated(user)
            case .failed(let reply): if reply.code == 421 { self.close(saying: reply) } else { self.fail(reply) }
            }
        case .closed: break  // The client left while the answer was looked for.
        case .connected, .waiting, .asking, .securing, .responding, .content, .storing, .sinking, .committing:
            preconditionFailure("an answer to a SASL step that was not taken")
        }
    }

    private mutating func challenge(_ octets: ByteBuffer, user: String?) {
        self.outbox.append(.send(Reply(334, nil, Base64.encode(octets.readableBytesView))))
        self.state = .responding(user: user)
    }

    private mutating func authenticated(_ user: String) {
        self.user = user
        self.reply(Reply(235, "2.7.0", "Authentication successful"), then: .client(afterRefusedMail: false))
    }

    static let authLineTooLong = Reply(500, "5.5.6", "Authentication exchange line is too long")
}
