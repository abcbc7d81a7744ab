/// Whom the client speaks for (XCLIENT, XFORWARD, as Postfix documents them), and ETRN (RFC 1985).
extension ServerSession {
    mutating func xclient(_ attributes: ClientAttributes, _ standing: Standing) {
        switch standing {
        case .unserved, .stranger, .client: self.ask(.xclient(attributes), standing)
        case .transaction: self.fail(Self.inTransaction)
        }
    }

    /// The session starts again, under the name that the other client had.
    mutating func acceptedXCLIENT(_ attributes: ClientAttributes, _ reply: Reply?) {
        switch attributes.login {
        case .known(let login): self.user = login
        case nil, .unavailable, .temporarilyUnavailable: self.user = nil
        }
        self.knownClient = nil
        self.reply(reply ?? self.greeting, then: .stranger)
    }

    mutating func xforward(_ attributes: ClientAttributes, _ standing: Standing) {
        switch standing {
        case .unserved, .stranger, .client: self.ask(.xforward(attributes), standing)
        case .transaction: self.fail(Self.inTransaction)
        }
    }

    mutating func etrn(_ request: QueueRequest, _ standing: Standing) {
        switch standing {
        case .unserved, .stranger: self.fail(self.sayHello)
        case .transaction: self.fail(Self.inTransaction)
        case .client:
            guard self.isExtended else { return self.fail(Self.sayEHLO) }
            self.ask(.etrn(request), standing)
        }
    }
}
