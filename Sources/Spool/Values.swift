public import Mail
public import NIOCore
public import SMTP

/// How a message came to us: what the envelope does not say. It never changes, so that the many copies of a message share it.
public final class Arrival: Sendable, Hashable {
    /// `192.0.2.7:40112`; `nil` for a report made here.
    public let peer: String?
    /// The name given with EHLO or HELO.
    public let hello: String?
    /// The Received field's WITH: `SMTP`, `ESMTP`; `report` or `tls-report` for one made here; empty where it is not known.
    public let with: String
    /// `in#4410`
    public let session: String?
    public let tls: String?
    public let user: String?

    public init(
        peer: String? = nil, hello: String? = nil, with: String, session: String? = nil, tls: String? = nil,
        user: String? = nil
    ) {
        self.peer = peer
        self.hello = hello
        self.with = with
        self.session = session
        self.tls = tls
        self.user = user
    }

    /// A report to a sender (RFC 3464).
    public static let report = Arrival(with: "report")
    /// A report to a domain on TLS to its hosts (RFC 8460).
    public static let tlsReport = Arrival(with: "tls-report")

    public static func == (one: Arrival, other: Arrival) -> Bool {
        one === other
            || one.peer == other.peer && one.hello == other.hello && one.with == other.with
                && one.session == other.session && one.tls == other.tls && one.user == other.user
    }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.peer)
        hasher.combine(self.hello)
        hasher.combine(self.with)
        hasher.combine(self.session)
        hasher.combine(self.tls)
        hasher.combine(self.user)
    }

    /// Made here.
    public var isOfOurs: Bool { self == .report || self == .tlsReport }
    public var isTLSReport: Bool { self == .tlsReport }
}

/// One recipient as the spool keeps it.
public struct SpooledRecipient: Sendable, Hashable {
    /// Its place among the message's recipients, from 0; never changes.
    public var index: Int
    public var forwardPath: ForwardPath
    public var parameters: [Parameter]
    /// A source route was walked: our name goes to the front of the reverse-path when this is passed on (RFC 821 §3.6).
    public var moved: Bool
    /// The state, never `.active`: after a crash an attempt is made anew.
    public var state: RecipientState
    /// Goes up with each change.
    public var generation: UInt32
    public var tries: UInt16
    /// When the next attempt may start.
    public var due: Timestamp
    /// Since when it is on hold, or, in another state, put off to the time when it is due; `nil`: neither.
    public var heldSince: Timestamp?
    /// Milliseconds on hold or put off before; they count neither to retry nor to expiry.
    public var heldTotal: Int64
    /// What the last attempt told: `host:port`, the reply in words, the next hop's queue identifier.
    public var nextHop: String?
    public var lastReply: String?
    /// Who said so; `nil`: nobody else than this relay, or it is not known, as of mail that an older version left.
    public var lastSaidBy: ReplyAuthor?
    public var remoteID: String?
    public var settledAt: Timestamp?
    /// The sender was told of the delay.
    public var delayNoticed: Bool
    /// The standing rule that holds it, and at whose end it is released; or that held it until somebody released it by hand,
    /// and holds it no more.
    public var heldUnder: Int64?
    /// The next hop that the operator chose instead of the route's, `host:port` or `mx`.
    public var via: String?
    /// Who ordered, at another node than the one that has it, that it is bounced: it is on hold until that node does so.
    public var returnedBy: String?

    public init(
        index: Int, forwardPath: ForwardPath, parameters: [Parameter] = [], moved: Bool = false,
        state: RecipientState = .queued, generation: UInt32 = 0, tries: UInt16 = 0, due: Timestamp,
        heldSince: Timestamp? = nil, heldTotal: Int64 = 0, nextHop: String? = nil, lastReply: String? = nil,
        remoteID: String? = nil, settledAt: Timestamp? = nil, delayNoticed: Bool = false, heldUnder: Int64? = nil,
        via: String? = nil, returnedBy: String? = nil
    ) {
        self.index = index
        self.forwardPath = forwardPath
        self.parameters = parameters
        self.moved = moved
        self.state = state
        self.generation = generation
        self.tries = tries
        self.due = due
        self.heldSince = heldSince
        self.heldTotal = heldTotal
        self.nextHop = nextHop
        self.lastReply = lastReply
        self.remoteID = remoteID
        self.settledAt = settledAt
        self.delayNoticed = delayNoticed
        self.heldUnder = heldUnder
        self.via = via
        self.returnedBy = returnedBy
    }

    /// Puts it on hold before its message comes in: it is not tried until somebody releases it. A first reason stays.
    ///
    /// - Parameter reason: why, in words; shown as its last reply, and told with the fact.
    public mutating func comesInOnHold(_ reason: String, at arrived: Timestamp) {
        guard self.state != .hold else { return }
        self.state = .hold
        self.heldSince = arrived
        self.lastReply = reason
    }
}

/// A message in the spool, without its content.
public struct SpooledMessage: Sendable, Hashable {
    public var id: QueueID
    /// Goes up with each change of any recipient.
    public var generation: UInt32
    public var arrived: Timestamp
    public var reversePath: ReversePath
    public var parameters: [Parameter]
    public var arrival: Arrival
    /// The content's octets, our trace field among them.
    public var contentOctets: Int
    public var recipients: [SpooledRecipient]

    public init(
        id: QueueID, generation: UInt32 = 0, arrived: Timestamp, reversePath: ReversePath, parameters: [Parameter] = [],
        arrival: Arrival, contentOctets: Int, recipients: [SpooledRecipient]
    ) {
        self.id = id
        self.generation = generation
        self.arrived = arrived
        self.reversePath = reversePath
        self.parameters = parameters
        self.arrival = arrival
        self.contentOctets = contentOctets
        self.recipients = recipients
    }
}

/// Messages that are this node's to deliver.
public struct Lease: Sendable, Hashable {
    public var messages: [SpooledMessage]
    /// Messages that are there and cannot be read.
    public var damaged: [Damage]
    /// The last message looked at, behind which the next page begins; `nil`: there are no more.
    public var end: QueueID?
    /// The node that they were taken over from.
    public var former: UInt8?
    public init(_ messages: [SpooledMessage], damaged: [Damage] = [], end: QueueID? = nil) {
        self.messages = messages
        self.damaged = damaged
        self.end = end ?? messages.last?.id
    }
}

/// A message that is not as it was written.
public struct Damage: Sendable, Hashable {
    public var message: QueueID
    /// What is wrong with it, in words.
    public var reason: String
    public init(_ message: QueueID, _ reason: String) {
        self.message = message
        self.reason = reason
    }
}

/// Content on its way into the spool.
public enum StoredContent: Sendable {
    /// Content of at most ``largestInlineContent`` octets.
    case buffer(ByteBuffer)
    /// Larger content: written and synced, not yet named by a transaction.
    case file(any StreamedContent)
}

/// Content up to this many octets is stored in the transaction itself, larger content in a file of its own.
public let largestInlineContent = 128 << 10

/// A message to be made durable.
public struct NewMessage: Sendable {
    public var message: SpooledMessage
    public var content: StoredContent
    /// Who wanted those of its recipients on hold that come in so.
    public var heldBy: String?
    public init(_ message: SpooledMessage, content: StoredContent, heldBy: String? = nil) {
        self.message = message
        self.content = content
        self.heldBy = heldBy
    }
}

/// A file that takes large content while it comes in. All of it blocks: call it off the event loops. A message may have
/// several at a time, of which one is accepted.
public protocol StreamedContent: AnyObject, Sendable {
    /// Does nothing when it was discarded.
    func append(_ chunk: ByteBuffer) throws
    /// The value of the Subject field, at most 998 octets, where the first chunk has it.
    var subject: ByteBuffer? { get }
    /// The Message-ID field, likewise.
    var messageID: String? { get }
    /// Syncs what was appended; only then may a transaction name it.
    func finish() throws
    /// Reads what was finished, before a transaction names it; fewer octets at the end.
    func read(from offset: Int, count: Int) throws -> ByteBuffer
    /// Forgets it; any number of times, also after a failure, and while another call is under way.
    func discard()
}

/// Why the spool did not do it. The description is one line and says what to do.
public struct SpoolError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private enum Value: Hashable, Sendable {
            case full, unavailable, inUse, olderVersion, newerVersion, notWritable, damaged, foreign
        }
        private var value: Value
        /// The disk, or the configured share of it, is full.
        public static let full = Code(value: .full)
        public static let unavailable = Code(value: .unavailable)
        /// Another process has it.
        public static let inUse = Code(value: .inUse)
        /// Its tables are brought forward by a command, since several may use them.
        public static let olderVersion = Code(value: .olderVersion)
        public static let newerVersion = Code(value: .newerVersion)
        public static let notWritable = Code(value: .notWritable)
        public static let damaged = Code(value: .damaged)
        /// It was handed what another store gave out: a cursor, or content.
        public static let foreign = Code(value: .foreign)
    }
    public var code: Code
    public var description: String
    public var queueID: QueueID?
    /// Who has it, where it is in use by a process that said so.
    public var owner: Int32?
    /// The store could not be reached, or went away in the midst: that says little of what it was asked.
    public var isAway = false

    public init(_ code: Code, _ description: String, queueID: QueueID? = nil, owner: Int32? = nil) {
        self.code = code
        self.description = description
        self.queueID = queueID
        self.owner = owner
    }
}

/// The standing rules that have not ended, as a store has them.
public struct KeptRules: Sendable, Hashable {
    /// In the order in which they were set.
    public var rules: [StandingRule]
    /// The numbers of those that cannot be read. What they hold stays on hold.
    public var unreadable: Set<Int64>
    public init(_ rules: [StandingRule], unreadable: Set<Int64> = []) {
        self.rules = rules
        self.unreadable = unreadable
    }
    /// The numbers of all of them.
    public var numbers: Set<Int64> { self.unreadable.union(self.rules.map(\.id)) }
}
