public import DNS
import Glibc
public import SMTP
public import Spool

/// Everything the engine is told at its start, already checked. Durations are milliseconds, sizes octets.
public struct RelayConfiguration: Sendable, Hashable {
    public enum SourceRoutes: String, Sendable, Hashable, CaseIterable { case strip, honor, reject }

    public struct Limits: Sendable, Hashable {
        public var messageOctets = 50_000_000
        /// Inbound sessions in all, as far as the limit on descriptors allows; 0: as many as that.
        public var connections = 6000
        /// Sessions from one client address that is not in `networks`.
        public var connectionsPerClient = 50
        public var recipients = 1000
        /// Command errors in a session before it is closed.
        public var errors = 20
        /// A message with more Received fields is in a loop (RFC 5321 §6.3).
        public var receivedFields = 100
        /// Milliseconds for which a client may ask us to hold mail back (RFC 4865); 0: not offered.
        public var hold: Int64 = 0
        public init() {}

        /// ``connections``, resolved. What else needs descriptors keeps its share: the spool, and sessions out.
        ///
        /// - Parameter descriptors: that a session needs: its own, and one for each filter.
        fileprivate func sessions(descriptors each: Int) -> Int {
            let possible = max((Self.descriptors - Self.descriptors / 4) / each, 64)
            return self.connections > 0 ? min(self.connections, possible) : possible
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
        public var connections = 100
        /// Recipients in one transaction (RFC 5321 §4.5.3.1.8 lets every server take 100).
        public var recipientsPerTransaction = 100
        /// Where the mail exchangers of domains listen.
        public var exchangerPort = 25
        /// Look for TLSA records of hosts (RFC 7672), where a route leaves TLS to them.
        public var dane = true
        /// Look for the MTA-STS policies of domains (RFC 8461), likewise.
        public var mtaSTS = true
        /// A PEM file of the authorities that MTA-STS goes by; `nil`: those of the machine.
        public var stsAuthorities: String?
        /// Where the policies of domains are fetched.
        public var stsPort = 443
        public init() {}
    }

    public struct Timeouts: Sendable, Hashable {
        /// RFC 5321 §4.5.3.2.7: what a server waits for the next command.
        public var command: Int64 = 5 * 60_000
        /// For the TLS that a client begins with.
        public var handshake: Int64 = 30_000
        /// §4.5.3.2.5: for the next octets of mail data.
        public var data: Int64 = 3 * 60_000
        public var connect: Int64 = 30_000
        /// §4.5.3.2.1 to .3: greeting, EHLO, MAIL, RCPT.
        public var reply: Int64 = 5 * 60_000
        /// §4.5.3.2.6: from the lone dot to its reply.
        public var finalReply: Int64 = 10 * 60_000
        /// How long an open session with nothing to do is kept for the next message.
        public var idle: Int64 = 2_000
        /// RFC 8446 §6.1: for the other side's good-bye, when a connection with TLS ends.
        public var farewell: Int64 = 5_000
        public init() {}
    }

    public var hostname: String
    /// Where `<Postmaster>` goes; `nil`: `postmaster@hostname`, which then is held until a route takes it.
    public var postmaster: Mailbox?
    /// Where that is.
    var mailboxOfPostmaster: Mailbox {
        self.postmaster ?? Mailbox(localPart: "postmaster", domain: Domain(self.hostname))
    }
    public var listen: [Listener]
    /// What the listeners with TLS show.
    public var tls: TLSFiles?
    /// A users file of `hoptop passwd`; `nil`: nobody can log in.
    public var users: String?
    /// AUTH is offered without TLS too.
    public var plaintextAuthentication = false
    /// Clients that may relay anywhere.
    public var networks: [Network]
    /// Domains that anyone may send to; `example.org` or `*.example.org`.
    public var domains: [DomainPattern]
    public var sourceRoutes: SourceRoutes
    /// Clients whose XCLIENT, or XFORWARD, is believed.
    public var xclient: [Network] = []
    public var xforward: [Network] = []
    /// Filters that inbound mail passes, in this order.
    public var milters: [Milter] = []
    public var bareLineEnds = ServerSession.BareLineEnds.normalize
    public var longLines = ServerSession.LongLines.fold
    public var earlyTalkers = ServerSession.EarlyTalkers.note
    /// Extensions that are not offered although they could be.
    public var without: Set<ServiceExtension> = []
    public var routes: [Route]
    /// Keys that sign mail on its way out.
    public var signing: [SigningRule] = []
    /// Where the queue is kept, unless that is a database; the journal's usual place is in it.
    public var spoolDirectory: String
    /// The database that keeps the queue.
    public var spoolDatabase: DatabaseAddress?
    /// The database is used also when a commit may be lost that a 250 has promised.
    public var mayLoseCommits = false
    /// Octets that new mail leaves free on the spool's disk, so that what is queued can go on; 0: no matter.
    public var freeSpace = 64_000_000
    /// How long a drop can be taken back.
    public var undo: Int64 = 10 * 60_000
    /// The number of this node among those that share the database; its queue IDs carry it.
    public var node: UInt8 = 0
    /// Milliseconds after which other nodes take the mail of one that says nothing.
    public var lease: Int64 = 30_000
    public var retry = Retry()
    public var delivery = Delivery()
    public var tlsReporting = TLSReporting()
    public var resolver = ResolverConfiguration()
    public var limits = Limits()
    public var timeouts = Timeouts()

    /// Inbound sessions in all.
    var sessions: Int { self.limits.sessions(descriptors: 1 + self.milters.count) }

    public init(
        hostname: String, postmaster: Mailbox? = nil, listen: [Listener], networks: [Network] = Network.loopback,
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

extension RelayConfiguration {
    /// What is allowed and may still be a mistake.
    public var warnings: [ConfigurationWarning] {
        [self.openRelay, self.unsignedReports, self.littleFreeSpace].compactMap { $0 } + self.idleRoutes
            + self.networksWithHostBits + self.absentSecrets
    }

    /// What is kept free is there for the log, without which nothing that is queued can go on.
    private var littleFreeSpace: ConfigurationWarning? {
        // A database has a disk of its own.
        guard self.spoolDatabase == nil else { return nil }
        let log = SQLiteSpool.largestLog(in: self.spoolDirectory)
        guard self.freeSpace > 0, self.freeSpace < log else { return nil }
        return ConfigurationWarning(
            "spool.free-space",
            "spool.free-space is less than the spool's log may take of its disk: with less than \(log) octets what is "
                + "queued may come to a stop")
    }

    /// RFC 8460 §3: without a signature of the domain that reports they are ignored.
    private var unsignedReports: ConfigurationWarning? {
        guard let domain = self.tlsReporting.from?.domain.canonical,
            !self.signing.contains(where: { $0.covers(domain) })
        else { return nil }
        return ConfigurationWarning(
            "tls-report.from",
            "TLS reports by mail will not be signed, and receivers ignore them: add a [[dkim]] for \(domain)")
    }

    private var openRelay: ConfigurationWarning? {
        let listener = self.listen.first { listener in
            guard listener.role == .relay else { return false }
            // Where the service manager listens is not known here.
            if case .passed = listener.address { return true }
            guard case .endpoint(let endpoint) = listener.address else { return false }
            guard let octets = Network.octets(endpoint.host) else { return endpoint.host != "localhost" }
            return !Network.loopback.contains { $0.contains(octets) }
        }
        guard let listener, let network = self.networks.first(where: \.isAny) else { return nil }
        return ConfigurationWarning(
            "relay.networks",
            "\(listener.address) is an open relay: relay.networks has \(network), so that everybody may send mail anywhere "
                + "through it; name your own networks")
    }

    /// Routes behind one that takes all that they would.
    private var idleRoutes: [ConfigurationWarning] {
        var before: Set<DomainPattern> = []
        return self.routes.enumerated().compactMap { index, route in
            defer { before.insert(route.pattern) }
            guard let wider = route.pattern.wider.first(where: before.contains) else { return nil }
            return ConfigurationWarning(
                "route[\(index)].domain",
                "the route of \(route.pattern) never matches: one before it is of \(wider)")
        }
    }

    /// Whoever wrote them may have meant one address, or another prefix.
    private var networksWithHostBits: [ConfigurationWarning] {
        var lists = [
            ("relay.networks", self.networks), ("relay.xclient", self.xclient), ("relay.xforward", self.xforward),
        ]
        lists += self.listen.enumerated().map { ("listen[\($0)].proxy", $1.proxies) }
        lists += self.milters.enumerated().map { ("milter[\($0)].except", $1.except) }
        return lists.flatMap { key, networks in
            networks.compactMap { network in
                network.withoutHostBits.map { range in
                    ConfigurationWarning(
                        key, "\(network) is all of \(range): write that, or the one address without a prefix")
                }
            }
        }
    }

    /// Passwords that are not there now: mail of that route would wait.
    private var absentSecrets: [ConfigurationWarning] {
        self.routes.enumerated().compactMap { index, route in
            guard let login = route.security.login, case .environment(let name) = login.secret,
                getenv(name).map({ $0.pointee == 0 }) ?? true
            else { return nil }
            return ConfigurationWarning(
                "route[\(index)].\(login.kind == .token ? "token" : "password")",
                "\(name) is not in the environment: as long as the relay does not have it there, mail that goes by the route "
                    + "of \(route.pattern) waits")
        }
    }
}

/// What a configuration may say and hardly means.
public struct ConfigurationWarning: Hashable, Sendable, CustomStringConvertible {
    /// Such as `route[1].domain`.
    public let key: String
    public let description: String

    init(_ key: String, _ description: String) {
        self.key = key
        self.description = description
    }
}
