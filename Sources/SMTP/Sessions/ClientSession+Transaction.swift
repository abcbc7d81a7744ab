extension ClientSession {
    public struct Transaction: Equatable, Sendable {
        public var reversePath: ReversePath
        /// Parameters of MAIL as it came in. What the server offers goes on; SIZE is ours, BY comes from ``deliverBy``, and
        /// HOLDFOR and HOLDUNTIL were for us (RFC 4865 §4).
        ///
        /// BODY describes the content as it is given now: who converts it changes the parameter.
        public var parameters: [Parameter]
        /// Recipients, at least one.
        public var recipients: [ForwardPath]
        /// Parameters of each RCPT as it came in, in the order of `recipients`; empty: none has any.
        public var recipientParameters: [[Parameter]]
        public var contentOctets: Int
        /// SMTPUTF8 was given for the envelope alone, so that the message can go where SMTPUTF8 is not offered.
        public var hasASCIIHeader: Bool
        /// The seconds that are left now (RFC 2852 §4.1.4).
        public var deliverBy: MailParameters.DeliverBy?

        public init(
            reversePath: ReversePath, parameters: [Parameter] = [], recipients: [ForwardPath],
            recipientParameters: [[Parameter]] = [], contentOctets: Int, hasASCIIHeader: Bool = false,
            deliverBy: MailParameters.DeliverBy? = nil
        ) {
            self.reversePath = reversePath
            self.parameters = parameters
            self.recipients = recipients
            self.recipientParameters = recipientParameters
            self.contentOctets = contentOctets
            self.hasASCIIHeader = hasASCIIHeader
            self.deliverBy = deliverBy
        }
    }
}

extension ClientSession.Transaction {
    func has(_ keyword: String) -> Bool { self.parameters.contains { $0.keyword == keyword } }

    var body: MailParameters.Body? {
        self.parameters.first { $0.keyword == "BODY" }?.value.flatMap {
            MailParameters.Body(rawValue: $0.uppercased())
        }
    }

    /// Whether the reverse-path or the header needs SMTPUTF8, whoever the recipients are.
    var isInternational: Bool {
        !self.reversePath.isASCII || (self.has("SMTPUTF8") && !self.hasASCIIHeader)
    }

    func recipientLine(_ index: Int, dsn: Bool, smtpUTF8: Bool) -> String {
        var line = "RCPT TO:\(self.recipients[index])"
        guard dsn, index < self.recipientParameters.count else { return line }
        for parameter in self.recipientParameters[index] where ["NOTIFY", "ORCPT"].contains(parameter.keyword) {
            line += smtpUTF8 ? " \(parameter)" : " \(XText.spellingOutUnicode(parameter.description))"
        }
        return line
    }
}

extension ForwardPath {
    /// The mailbox's domain in lower case, not that of the source route.
    var domainName: String? {
        switch self {
        case .postmaster: nil
        case .path(let path): path.mailbox.domain.canonical
        }
    }
}
