import SMTP

/// What an operator has ordered once and for all that comes: it holds from now on, over restarts, until it ends.
public struct StandingRule: Hashable, Sendable, Codable, CustomStringConvertible {
    /// What is asked for, before it is set.
    public struct Terms: Hashable, Sendable, Codable, CustomStringConvertible {
        public var order: StandingOrder
        /// When it ends by itself; `nil`: when somebody ends it.
        public var until: Timestamp?
        /// Why, in the operator's words; no client is told.
        public var reason: String?
        public init(_ order: StandingOrder, until: Timestamp? = nil, reason: String? = nil) {
            self.order = order
            self.until = until
            self.reason = reason
        }

        /// `hold to example.org until 2026-11-30T06:00:00Z: maintenance`
        public var description: String { "\(self.order)\(self.end)" }
        /// When and why, behind what it is.
        fileprivate var end: String {
            (self.until.map { " until \(InternetDateTime.text(milliseconds: $0.milliseconds))" } ?? "")
                + (self.reason.map { ": \($0)" } ?? "")
        }
    }

    /// Never given twice by one spool.
    public var id: Int64
    public var terms: Terms
    public var by: String
    public var at: Timestamp
    public init(id: Int64, _ terms: Terms, at: Timestamp, by: String) {
        self.id = id
        self.terms = terms
        self.at = at
        self.by = by
    }

    /// `rule 3 of ops until 2026-11-30T06:00:00Z: maintenance`
    public var description: String { "rule \(self.id) of \(self.by)\(self.terms.end)" }

    /// Whether its time is over, although nobody may have ended it yet.
    public func isOver(at now: Timestamp) -> Bool { self.terms.until.map { $0 <= now } ?? false }
}

/// What a standing rule orders, of some mail or of a destination.
public enum StandingOrder: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Recipients that match are on hold, those that are queued and those that come.
    case hold(mail: MailCondition)
    /// Mail that matches is refused when it comes; what is queued stays.
    case refuse(mail: MailCondition, with: Refusal)
    /// Nothing goes to the destination: `mx.example.org:25`, as destinations are named on the screen.
    case suspend(destination: String)
    /// What would go to the destination goes to another next hop: `host:port`, or `mx`.
    case reroute(destination: String, via: String)
    /// So many sessions at a time go to the destination, of all nodes together, in place of what is configured. Each node has its
    /// share; where there are fewer than nodes, they take turns.
    case limit(destination: String, connections: Int)

    /// As it is typed: `hold to example.org`, `refuse 550 from *.example.net`, `reroute a:25 to b:25`.
    public var description: String {
        switch self {
        case .hold(let mail): "hold \(mail)"
        case .refuse(let mail, let refusal): "refuse \(refusal.code) \(mail)"
        case .suspend(let destination): "suspend \(destination)"
        case .reroute(let destination, let via): "reroute \(destination) to \(via)"
        case .limit(let destination, let connections): "limit \(destination) \(connections)"
        }
    }

    /// The destination that it is about; `nil`: it is about mail.
    public var destination: String? {
        switch self {
        case .hold, .refuse: nil
        case .suspend(let destination), .reroute(let destination, _), .limit(let destination, _): destination
        }
    }
}

/// Which mail a standing rule is about.
public enum MailCondition: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The reverse-path: `ann@example.net`, `example.net`, `*.example.net`, `*`; `<>` is that of reports.
    case sender(pattern: String)
    /// Who logged in, or is at the other end of a Unix socket.
    case user(name: String)
    /// The client's address, or a range of them: `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
    case client(network: String)
    /// The forward-path, written as a sender is.
    case recipient(pattern: String)

    /// As it is typed: `from example.net`, `user ann`, `client 192.0.2.0/24`, `to example.org`.
    public var description: String { "\(self.word) \(self.value)" }

    public var word: String {
        switch self {
        case .sender: "from"
        case .user: "user"
        case .client: "client"
        case .recipient: "to"
        }
    }
    public var value: String {
        switch self {
        case .sender(let value), .user(let value), .client(let value), .recipient(let value): value
        }
    }

    /// - Parameter word: as ``word`` gives it.
    /// - Returns: `nil` for another word.
    public init?(_ word: some StringProtocol, _ value: String) {
        switch word {
        case "from": self = .sender(pattern: value)
        case "user": self = .user(name: value)
        case "client": self = .client(network: value)
        case "to": self = .recipient(pattern: value)
        default: return nil
        }
    }
}

/// How mail is refused: what the client is told.
public struct Refusal: Hashable, Sendable, Codable {
    /// 4yz or 5yz (RFC 5321 §4.2.1).
    public var code: Int
    /// Printable ASCII, at most 200 octets; it stands behind the enhanced status code.
    public var text: String
    public init(code: Int, text: String? = nil) {
        self.code = code
        self.text = text ?? (code < 500 ? "Not accepted for now, try again later" : "Not accepted here")
    }
}
