import Glibc
public import SMTP

/// Everything the engine is told at its start, already checked. Durations are milliseconds, sizes octets.
public struct RelayConfiguration: Sendable, Hashable {
    public enum SourceRoutes: String, Sendable, Hashable, CaseIterable { case strip, honor, reject }

    public struct Limits: Sendable, Hashable {
        public var messageOctets = 50_000_000
        /// Inbound sessions in all; 0: what the limit on descriptors allows.
        public var connections = 0
        /// From one client address that is not in `networks`.
        public var connectionsPerClient = 50
        public var recipients = 1000
        /// Command errors in a session before it is closed.
        public var errors = 20
        public init() {}

        /// ``connections``, resolved. What else needs descriptors keeps its share: the spool, and sessions out.
        var sessions: Int {
            self.connections > 0 ? self.connections : max(Self.descriptors - Self.descriptors / 4, 64)
        }
        private static let descriptors: Int = {
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
            return Int(clamping: min(limit.rlim_cur, 1_000_000))
        }()
    }

    public struct Retry: Sendable, Hashable {
        public var first: Int64 = 5 * 60_000
        public var longest: Int64 = 4 * 3_600_000
        public var giveUp: Int64 = 5 * 86_400_000
        /// 0: no delay notices.
        public var delayNotice: Int64 = 4 * 3_600_000
        public init() {}
    }

    public struct Delivery: Sendable, Hashable {
        /// Sessions to one destination at a time.
        public var connections = 20
        /// Recipients in one transaction (RFC 5321 §4.5.3.1.8 lets every server take 100).
        public var recipientsPerTransaction = 100
        public init() {}
    }

    public struct Timeouts: Sendable, Hashable {
        /// RFC 5321 §4.5.3.2.7: what a server waits for the next command.
        public var command: Int64 = 5 * 60_000
        /// §4.5.3.2.5: for the next octets of mail data.
        public var data: Int64 = 3 * 60_000
        public var connect: Int64 = 30_000
        /// §4.5.3.2.1 to .3: greeting, EHLO, MAIL, RCPT.
        public var reply: Int64 = 5 * 60_000
        /// §4.5.3.2.6: from the lone dot to its reply.
        public var finalReply: Int64 = 10 * 60_000
        /// How long an open session with nothing to do is kept for the next message.
        public var idle: Int64 = 2_000
        public init() {}
    }

    public var hostname: String
    /// Where `<Postmaster>` goes; `nil`: `postmaster@hostname`, which then is held until a route takes it.
    public var postmaster: Mailbox?
    /// `address:port`; port 0 lets the system choose.
    public var listen: [SocketEndpoint]
    /// Clients that may relay anywhere.
    public var networks: [Network]
    /// Domains that anyone may send to; `example.org` or `*.example.org`.
    public var domains: [DomainPattern]
    public var sourceRoutes: SourceRoutes
    public var routes: [Route]
    public var spoolDirectory: String
    /// How long a drop can be taken back.
    public var undo: Int64 = 10 * 60_000
    /// The share of this node in queue IDs.
    public var node: UInt8 = 0
    public var retry = Retry()
    public var delivery = Delivery()
    public var limits = Limits()
    public var timeouts = Timeouts()

    public init(
        hostname: String, postmaster: Mailbox? = nil, listen: [SocketEndpoint], networks: [Network] = Network.loopback,
        domains: [DomainPattern] = [], sourceRoutes: SourceRoutes = .strip, routes: [Route] = [], spoolDirectory: String
    ) {
        self.hostname = hostname
        self.postmaster = postmaster
        self.listen = listen
        self.networks = networks
        self.domains = domains
        self.sourceRoutes = sourceRoutes
        self.routes = routes
        self.spoolDirectory = spoolDirectory
    }
}

/// A host name or address literal with a port; written `host:port`, `192.0.2.1:25`, `[2001:db8::1]:25`.
public struct SocketEndpoint: Sendable, Hashable, CustomStringConvertible {
    public var host: String
    public var port: Int
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
    /// Reads `description`'s form; without a port, `defaultPort`. `nil` when it is not of that form.
    public init?(_ text: String, defaultPort: Int? = nil) {
        let host: Substring
        let portText: Substring?
        if text.first == "[" {
            guard let close = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<close]
            let rest = text[text.index(after: close)...]
            guard rest.isEmpty || rest.first == ":" else { return nil }
            portText = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            guard !host.contains(":") else { return nil }
            portText = text[text.index(after: colon)...]
        } else {
            host = text[...]
            portText = nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.host = String(host)
        if let portText {
            guard let port = Int(portText), (0...65535).contains(port) else { return nil }
            self.port = port
        } else {
            guard let defaultPort else { return nil }
            self.port = defaultPort
        }
    }
    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
