extension ClientSession {
    public struct Configuration: Sendable {
        public var hostname: String
        /// Whether to send commands in groups to a server that offers it (RFC 2920).
        public var pipelining: Bool
        /// Whether to send content in chunks to a server that offers it (RFC 3030).
        public var chunking: Bool
        public var tls: TLSPolicy
        /// What protects the connection before the greeting: implicit TLS (RFC 8314 §3.3).
        public var securedAtStart: Security
        /// The mechanisms that there are credentials for, the best first; with any, nothing is sent without AUTH.
        public var mechanisms: [String]
        /// Whether mechanisms that show the password to whoever listens may be used in plaintext.
        public var allowsPlaintextPasswords: Bool

        public init(
            hostname: String, pipelining: Bool = true, chunking: Bool = true, tls: TLSPolicy = .never,
            securedAtStart: Security = .none, mechanisms: [String] = [], allowsPlaintextPasswords: Bool = false
        ) {
            self.hostname = hostname
            self.pipelining = pipelining
            self.chunking = chunking
            self.tls = tls
            self.securedAtStart = securedAtStart
            self.mechanisms = mechanisms.map { $0.uppercased() }
            self.allowsPlaintextPasswords = allowsPlaintextPasswords
        }
    }

    /// When to use STARTTLS (RFC 3207).
    public enum TLSPolicy: Sendable {
        case never
        /// Plaintext where it is not offered or refused. A handshake that fails ends the session, since nobody can say
        /// what the two sides make of the connection then; the driver may come back with ``never``.
        case ifOffered
        case always
    }

    /// What protects the connection.
    public enum Security: Sendable {
        case none
        /// TLS with whoever answered.
        case encrypted
        /// TLS with the server that was meant: its certificate was checked for its name (RFC 8689 §4.2.1).
        case verified
    }
}
