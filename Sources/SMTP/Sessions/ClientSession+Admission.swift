/// What the server cannot take is found out before it is asked.
extension ClientSession {
    /// What has to be made of some content before the server can take it.
    public enum Conversion: Equatable, Sendable {
        /// Binary content into lines, whose octets may have the eighth bit set (RFC 3030 §3).
        case lines
        /// Into lines of seven bits (RFC 6152 §3).
        case sevenBit
    }

    /// What the driver has to do to the content before ``begin(_:)``, in a session that is ready. It changes BODY and
    /// `contentOctets` with it. A transaction that is begun unchanged, since its content cannot be converted, bounces.
    public func conversion(neededFor transaction: Transaction) -> Conversion? {
        switch transaction.body {
        case .binary:
            if self.chunks, self.server.offers(.binaryMIME) { return nil }
            return self.server.offers(.eightBitMIME) ? .lines : .sevenBit
        case .eightBit: return self.server.offers(.eightBitMIME) ? nil : .sevenBit
        case .sevenBit, nil: return nil
        }
    }

    /// Whether the driver has to look at the header before ``begin(_:)``, and to say in
    /// ``Transaction/hasASCIIHeader`` what it found: SMTPUTF8 is not offered, and may have been given for nothing, or for a
    /// recipient alone.
    public func asksAboutHeader(of transaction: Transaction) -> Bool {
        transaction.has("SMTPUTF8") && !transaction.hasASCIIHeader && transaction.reversePath.isASCII
            && !self.server.offers(.smtpUTF8)
    }

    var chunks: Bool { self.configuration.chunking && self.server.offers(.chunking) }

    /// What becomes of the recipients that need not be tried; `nil` for the others.
    func verdicts(on transaction: Transaction) -> [Outcome?] {
        if let refusal = self.refusal(of: transaction) {
            return Array(repeating: .bounced(refusal, by: .relay), count: transaction.recipients.count)
        }
        let limits = self.server.limits
        var domains = self.domains
        var tried = 0
        return transaction.recipients.map { recipient in
            if !recipient.isASCII, !self.server.offers(.smtpUTF8) {
                return .bounced(self.addressRefusal, by: .relay)
            }
            if let limit = limits.recipients, tried >= limit { return .deferred(.beyondLimit(.recipients, limit)) }
            if let limit = limits.domains, let domain = recipient.domainName, !domains.contains(domain) {
                guard domains.count < limit else { return .deferred(.beyondLimit(.domains, limit)) }
                domains.insert(domain)
            }
            tried += 1
            return nil
        }
    }

    /// Why the server cannot take this for anybody.
    private func refusal(of transaction: Transaction) -> Reply? {
        let name = self.serverName
        if let limit = self.server.maximumMessageOctets, transaction.contentOctets > limit {
            return Reply(552, "5.3.4", "Message size exceeds the limit announced by \(name) (\(limit) octets)")
        }
        // A bounce is not to be lost where its way back knows of no REQUIRETLS (RFC 8689 §5).
        if transaction.has("REQUIRETLS"), transaction.reversePath != .null {
            guard self.security == .verified else {
                return Reply(550, "5.7.30", "REQUIRETLS: there is no TLS to \(name) with a verified certificate")
            }
            guard self.server.offers(.requireTLS) else {
                return Reply(550, "5.7.30", "REQUIRETLS: \(name) does not offer it")
            }
        }
        if transaction.isInternational, !self.server.offers(.smtpUTF8) {
            return transaction.reversePath.isASCII
                ? Reply(554, "5.6.9", "\(name) does not take header fields beyond ASCII (SMTPUTF8)")
                : self.addressRefusal
        }
        switch self.conversion(neededFor: transaction) {
        case .lines: return Reply(554, "5.6.1", "\(name) does not take binary content (BINARYMIME)")
        case .sevenBit where transaction.body == .binary:
            return Reply(554, "5.6.1", "\(name) does not take binary content (BINARYMIME)")
        case .sevenBit: return Reply(554, "5.6.3", "\(name) does not take 8-bit content (8BITMIME)")
        case nil: break
        }
        if let deliverBy = transaction.deliverBy, deliverBy.mode == .return {
            guard self.server.offers(.deliverBy) else {
                return Reply(554, "5.4.7", "\(name) does not promise to deliver by a time (DELIVERBY)")
            }
            let least = self.server.minimumDeliverBySeconds ?? 1
            guard deliverBy.seconds >= least else {
                let left = max(deliverBy.seconds, 0)
                return Reply(554, "5.4.7", "\(left) s are left to deliver in, and \(name) asks for \(least) s")
            }
        }
        return nil
    }

    /// MAIL with what the server offers of the parameters.
    func mailLine(for transaction: Transaction, smtpUTF8: Bool) -> String {
        var line = "MAIL FROM:\(transaction.reversePath)"
        if self.server.offers(.size) { line += " SIZE=\(transaction.contentOctets)" }
        if smtpUTF8 { line += " SMTPUTF8" }
        if let deliverBy = transaction.deliverBy, self.server.offers(.deliverBy) {
            line += " BY=\(deliverBy.seconds);\(deliverBy.mode.rawValue)\(deliverBy.traces ? "T" : "")"
        }
        for parameter in transaction.parameters where self.passes(parameter, of: transaction) {
            line += " \(parameter)"
        }
        return line
    }

    private func passes(_ parameter: Parameter, of transaction: Transaction) -> Bool {
        switch parameter.keyword {
        // What cannot be taken as it is was refused or converted before; 7BIT is what is meant without a BODY.
        case "BODY": transaction.body == .eightBit || transaction.body == .binary
        case "RET", "ENVID": self.server.offers(.dsn)
        case "MT-PRIORITY": self.server.offers(.mtPriority)
        case "REQUIRETLS": self.server.offers(.requireTLS)
        // A server that does not know us has no reason to believe it (RFC 4954 §5).
        case "AUTH": self.isAuthenticated
        default: false
        }
    }

    private var addressRefusal: Reply {
        Reply(553, "5.6.7", "\(self.serverName) does not take addresses beyond ASCII (SMTPUTF8)")
    }

    private var serverName: String { self.server.name ?? "the next hop" }
}
