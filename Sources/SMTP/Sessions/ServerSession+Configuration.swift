extension ServerSession {
    public enum Role: String, Hashable, Sendable, CaseIterable {
        /// An MTA (RFC 5321).
        case relay
        /// An MSA, which takes mail from its users only (RFC 6409).
        case submission
        /// Final delivery, with a reply for each recipient (RFC 2033).
        case lmtp
    }

    /// What becomes of a CR or LF that stands alone in mail data (RFC 5321 §2.3.8).
    public enum BareLineEnds: String, Hashable, Sendable, CaseIterable {
        /// It becomes CRLF.
        case normalize
        /// The message is refused.
        case reject
    }

    /// What becomes of a line of more than 998 octets in mail data (RFC 5322 §2.1.1).
    public enum LongLines: String, Hashable, Sendable, CaseIterable {
        case fold
        /// The message is refused.
        case reject
    }

    /// What becomes of a client that does not wait where it has to (RFC 5321 §4.3.1, RFC 2920 §3.1).
    public enum EarlyTalkers: String, Hashable, Sendable, CaseIterable {
        /// The transcript tells of it, once.
        case note
        /// The session ends.
        case refuse
    }

    /// How long the server holds mail back on request (RFC 4865).
    public struct HoldLimit: Hashable, Sendable {
        public var seconds: Int
        /// Milliseconds since 1970-01-01T00:00:00Z. The machine has no clock, so the driver adds `seconds` to the time
        /// at which the session starts.
        public var until: Int64
        public init(seconds: Int, until: Int64) {
            self.seconds = seconds
            self.until = until
        }
    }

    public struct Configuration: Sendable {
        public var hostname: String
        /// Advertised as SIZE (RFC 1870). 0: no fixed limit.
        public var maximumMessageOctets: Int
        /// Advertised as RCPTMAX under LIMITS (RFC 9422 §4.3).
        public var maximumRecipients: Int
        /// Commands of a session that may be wrong; the next wrong one ends it.
        public var maximumErrors: Int
        /// A message with more Received fields is taken to be in a loop (RFC 5321 §6.3).
        public var maximumReceivedFields: Int

        public var role = Role.relay
        /// What may be offered. The EHLO reply names those of them that hold at that moment; what it does not name is
        /// refused.
        public var extensions: Set<ServiceExtension> = [.pipelining, .size, .eightBitMIME, .enhancedStatusCodes]
        /// TLS was there before the session (RFC 8314 §3).
        public var isSecured = false
        /// XCLIENT and XFORWARD are for this client.
        public var trustsClient = false
        /// SASL mechanisms in the order of preference, in upper case; empty: no AUTH.
        public var mechanisms: [String] = []
        public var allowsAuthenticationWithoutTLS = false
        /// Who the client is known to be before it says anything: a user of this machine.
        public var user: String?
        public var bareLineEnds = BareLineEnds.normalize
        public var longLines = LongLines.fold
        public var earlyTalkers = EarlyTalkers.note
        /// FUTURERELEASE is not offered without.
        public var holdLimit: HoldLimit?

        public init(
            hostname: String, maximumMessageOctets: Int = 50_000_000, maximumRecipients: Int = 1000,
            maximumErrors: Int = 20, maximumReceivedFields: Int = 100
        ) {
            self.hostname = hostname
            self.maximumMessageOctets = maximumMessageOctets
            self.maximumRecipients = maximumRecipients
            self.maximumErrors = maximumErrors
            self.maximumReceivedFields = maximumReceivedFields
        }

        /// Leaves those of `extensions` whose commands are understood: some need another one, or something to offer.
        mutating func forgetUnknown() {
            if !self.extensions.contains(.chunking) { self.extensions.remove(.binaryMIME) }
            if !self.extensions.contains(.eightBitMIME) { self.extensions.remove(.smtpUTF8) }  // RFC 6531 §3.1.
            if self.mechanisms.isEmpty { self.extensions.remove(.auth) }
            if self.holdLimit == nil { self.extensions.remove(.futureRelease) }
            if !self.trustsClient { self.extensions.subtract([.xclient, .xforward]) }
        }
    }
}

extension ServerSession {
    func understands(_ extension: ServiceExtension) -> Bool { self.configuration.extensions.contains(`extension`) }

    /// What holds now. AUTH stays after it was used, since MAIL's parameter AUTH comes with it (RFC 4954 §3).
    mutating func refreshOffer() {
        self.offered = self.configuration.extensions
        if self.isSecured {
            self.offered.remove(.startTLS)
        } else {
            self.offered.remove(.requireTLS)  // RFC 8689 §2.
            if !self.configuration.allowsAuthenticationWithoutTLS { self.offered.remove(.auth) }
        }
    }

    /// The lines of the EHLO reply behind the first.
    var offer: [String] {
        ServiceExtension.allCases.filter(self.offered.contains).map { offered in
            switch offered {
            case .size: "SIZE \(self.configuration.maximumMessageOctets)"
            case .limits: "LIMITS RCPTMAX=\(self.configuration.maximumRecipients)"
            case .futureRelease: self.futureRelease
            case .auth: "AUTH \(self.configuration.mechanisms.joined(separator: " "))"
            case .xclient, .xforward:
                "\(offered.rawValue) \(ClientAttributes.names(of: offered).joined(separator: " "))"
            case .pipelining, .eightBitMIME, .enhancedStatusCodes, .chunking, .binaryMIME, .dsn, .smtpUTF8, .deliverBy,
                .mtPriority, .requireTLS, .etrn, .startTLS:
                offered.rawValue
            }
        }
    }

    private var futureRelease: String {
        guard let limit = self.configuration.holdLimit else { return "FUTURERELEASE" }
        return "FUTURERELEASE \(limit.seconds) \(InternetDateTime.text(milliseconds: limit.until))"
    }
}
