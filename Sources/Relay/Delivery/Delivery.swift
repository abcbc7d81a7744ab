import DNS
import Logging
import Mail
import Monitor
import NIOCore
import NIOPosix
import SMTP
import Spool

/// One transaction to be made: some recipients of one message that go to the same next hop.
struct Job: Sendable {
    var number: Int
    var message: QueueID
    var transaction: ClientSession.Transaction
    /// Where it is meant to go; its session may have been opened for another place of the same site.
    var place: NextHop.Place?
    /// Whose keys may sign it; `nil`: it goes as it is.
    var signing: SigningTable?
    /// It tells a domain how TLS to its hosts goes, and goes whatever they have of it (RFC 8460 §3).
    var isTLSReport = false
    /// Under which it was begun; when that is over another node may do it.
    var lease: Int64?
}

/// What became of a job.
struct JobResult: Sendable {
    enum Verdict: Sendable {
        /// One for each recipient of the transaction, in order.
        case outcomes([ClientSession.Outcome])
        /// No host gave a session: why, in words.
        case unreachable(String)
        /// It is not known for now where it goes: why, in words.
        case unresolved(String)
        /// The operator suspended all hosts that could be tried. None was.
        case suspended
        /// A reused session broke before it said anything; nothing was tried.
        case untried
        /// Somebody changed the message at another node, of which nothing was known here; nothing was tried.
        case changed
        /// The message could not be read from the spool.
        case unreadable(String)
        /// The store did not answer: nothing was tried, and it is looked at again as soon as that is back.
        case away(String)
        /// It is not there as it was written, and will not be the next time either.
        case damaged(String)

        init(unreadable error: any Error) {
            let failure = error as? SpoolError
            let reason = "the message could not be read: \(error)"
            self =
                if failure?.code == .damaged {
                    .damaged("\(error)")
                } else if failure?.isAway ?? false {
                    .away(reason)
                } else {
                    .unreadable(reason)
                }
        }
    }
    var job: Int
    var verdict: Verdict
    /// The host of the attempt.
    var host: SocketEndpoint?
    var session: SessionRef?
    /// What protected it.
    var security: SessionSecurity?
    var milliseconds: Int64
    /// Hosts of the next hop that were tried when the session was opened, that of the attempt among them.
    var tried: [SocketEndpoint] = []
    /// Those behind them in the list.
    var untried: [SocketEndpoint] = []
}

enum OutboundEvent: Sendable {
    /// A session waits for a transaction, or closes by itself after a while.
    case idle
    case finished(JobResult)
    /// The connection's last event.
    case ended
}

/// What all outbound sessions share. Everything in it may be used from any event loop.
final class Delivery: Sendable {
    struct Settings: Sendable {
        var hostname: String
        var timeouts: RelayConfiguration.Timeouts
        var keyring: Keyring
    }
    let group: any EventLoopGroup
    let spool: any Spool
    let registry: SessionRegistry
    let resolver: any NextHopResolver
    /// For the addresses of hosts.
    let dns: StubResolver
    /// `nil`: only the routes' words count.
    let policies: HostPolicies?
    /// Is told how TLS went; `nil`: nobody is.
    let tlsSessions: TLSSessions?
    let measures: EngineMeasures
    let clock: Clock
    let log: Logger
    /// Threads for what blocks: secrets, hashing.
    let threads: NIOThreadPool
    let memory = ContentMemory()

    init(
        group: any EventLoopGroup, spool: any Spool, registry: SessionRegistry,
        resolver: any NextHopResolver = NamedHosts(), dns: StubResolver = StubResolver(),
        policies: HostPolicies? = nil, tlsSessions: TLSSessions? = nil, measures: EngineMeasures = .none,
        clock: Clock, log: Logger, threads: NIOThreadPool
    ) {
        self.group = group
        self.spool = spool
        self.registry = registry
        self.resolver = resolver
        self.dns = dns
        self.policies = policies
        self.tlsSessions = tlsSessions
        self.measures = measures
        self.clock = clock
        self.log = log
        self.threads = threads
    }

    /// Opens a session with the first host that gives one, and starts with `job`.
    ///
    /// - Parameter report: called on the connection's event loop.
    func open(
        to nextHop: NextHop, without leftOut: HostsLeftOut = HostsLeftOut(), job: Job, settings: Settings,
        report: @escaping @Sendable (OutboundEvent) -> Void
    ) -> OutboundConnection {
        let connection = OutboundConnection(
            self, nextHop: nextHop, without: leftOut, settings: settings, loop: self.group.next(), report: report)
        connection.loop.execute { connection.open(job) }
        return connection
    }
}
