/// What MAIL's parameters mean. The envelope keeps them as they were written; this reads them.
public struct MailParameters: Hashable, Sendable {
    /// RFC 6152 §2, RFC 3030 §3.
    public enum Body: String, Hashable, Sendable {
        case sevenBit = "7BIT"
        case eightBit = "8BITMIME"
        case binary = "BINARYMIME"
    }
    /// How much of the message a failure report returns (RFC 3461 §4.3).
    public enum Return: String, Hashable, Sendable {
        case full = "FULL"
        case headers = "HDRS"
    }
    /// RFC 2852 §4.
    public struct DeliverBy: Hashable, Sendable {
        public enum Mode: String, Hashable, Sendable {
            /// Past the time it is returned as failed.
            case `return` = "R"
            /// Past the time the sender is told, and it goes on.
            case notify = "N"
        }
        /// Seconds from the arrival of MAIL; 0 or less is possible with ``Mode/notify``.
        public var seconds: Int
        public var mode: Mode
        /// Reports are asked for when it is relayed.
        public var traces: Bool
        public init(seconds: Int, mode: Mode, traces: Bool = false) {
            self.seconds = seconds
            self.mode = mode
            self.traces = traces
        }
    }
    /// RFC 4865 §4.
    public enum FutureRelease: Hashable, Sendable {
        /// Release so many seconds after the arrival of MAIL.
        case after(seconds: Int)
        /// Milliseconds since 1970-01-01T00:00:00Z.
        case at(milliseconds: Int64)
    }

    /// Octets, as the client estimates them; `.max` when more than an Int holds (RFC 1870).
    public var size: Int?
    public var body: Body?
    public var smtpUTF8 = false
    public var `return`: Return?
    /// Decoded from xtext; printing ASCII and spaces (RFC 3461 §4.4).
    public var envelopeID: String?
    public var deliverBy: DeliverBy?
    public var futureRelease: FutureRelease?
    /// -9...9 (RFC 6710 §4.1).
    public var priority: Int?
    public var requireTLS = false
    /// Who first submitted the message, decoded from xtext; `<>`: not known (RFC 4954 §5).
    public var auth: String?

    public init() {}
}

/// What RCPT's parameters mean (RFC 3461 §4.1, §4.2).
public struct RecipientParameters: Hashable, Sendable {
    /// When the sender wants to be told; empty: never.
    public struct Notify: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let success = Notify(rawValue: 1)
        public static let failure = Notify(rawValue: 2)
        public static let delay = Notify(rawValue: 4)
        public static let never: Notify = []
    }
    /// The address that the sender knows, as ORCPT gives it.
    public struct OriginalRecipient: Hashable, Sendable {
        /// `rfc822`, `utf-8`; as written.
        public var addressType: String
        /// Decoded from xtext, or from utf-8-addr-xtext where the type is `utf-8` (RFC 6533 §3).
        public var address: String
        public init(addressType: String, address: String) {
            self.addressType = addressType
            self.address = address
        }
    }
    /// `nil`: not said, which asks for failures and lets a relay tell delays.
    public var notify: Notify?
    public var originalRecipient: OriginalRecipient?

    public init() {}
}
