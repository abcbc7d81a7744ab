public import Mail
public import NIOCore
public import SMTP

/// One recipient as a change expects to find it; when its generation is another, the change is stale.
public struct RecipientTarget: Sendable, Hashable {
    public var message: QueueID
    public var index: Int
    public var generation: UInt32
    public init(message: QueueID, index: Int, generation: UInt32) {
        self.message = message
        self.index = index
        self.generation = generation
    }
}

/// What one attempt, or the end of patience, did to some recipients of one message.
public struct Settlement: Sendable {
    /// A reason as anybody may know it: it gives no advice, and names nobody who works here.
    public indirect enum Notice: Sendable, Hashable {
        /// No route takes mail for this domain.
        case noRoute(String)
        /// An operator wants nothing to go there for now.
        case suspended
        /// It is over before it was sent, by a time of its own, as the words say; it was not sent before for the other reason.
        case late(String, Notice)
    }

    /// What is added here, and makes what happened to a recipient another thing, `areAlike` has to compare too (Rules).
    public struct Outcome: Sendable, Hashable {
        public var index: Int
        public var generation: UInt32
        /// `deferred`, `relayed`, `bounced` or `expired`; `hold` where its content is damaged; or the state it has, when
        /// only `delayNoticed` changes.
        public var state: RecipientState
        /// When the next attempt may start, where `state` is `deferred`.
        public var due: Timestamp?
        /// Whether this was an attempt.
        public var countsAsTry: Bool
        /// `host:port` of the attempt.
        public var nextHop: String?
        /// The reply, or the reason, in words.
        public var reply: String?
        /// Who said so; `nil`: what was said last is told again, or it is a reason of ours.
        public var saidBy: ReplyAuthor?
        /// What the sender is told in place of that, which is for those who run this relay.
        public var notice: Notice?
        /// The next hop's queue identifier.
        public var remoteID: String?
        /// `out#9121`
        public var session: String?
        /// What protected the session; `nil` where none was had.
        public var security: SessionSecurity?
        /// How long the attempt took.
        public var milliseconds: Int64?
        /// Who asked for it, where it was no attempt but an operator's decision.
        public var actor: String?
        /// The sender is told of the delay by this settlement's report, or does not want to be.
        public var delayNoticed: Bool
        /// The sender is told by this settlement's report that it was relayed to where no report comes from.
        public var relayNoticed: Bool
        /// Where it was relayed to, when it was given another address meanwhile: the one that it had is the one that counts.
        public var forwardPath: ForwardPath?
        /// Whether only the node that has the message may say so: the sender is told that it was not delivered, or not yet, which
        /// another node may just be doing.
        package var isHoldersAlone: Bool { self.state == .bounced || self.state == .expired || self.delayNoticed }
        public init(
            index: Int, generation: UInt32, state: RecipientState, due: Timestamp? = nil, countsAsTry: Bool = true,
            nextHop: String? = nil, reply: String? = nil, saidBy: ReplyAuthor? = nil, remoteID: String? = nil,
            session: String? = nil, security: SessionSecurity? = nil,
            milliseconds: Int64? = nil, actor: String? = nil, delayNoticed: Bool = false, relayNoticed: Bool = false
        ) {
            self.index = index
            self.generation = generation
            self.state = state
            self.due = due
            self.countsAsTry = countsAsTry
            self.nextHop = nextHop
            self.reply = reply
            self.saidBy = saidBy
            self.remoteID = remoteID
            self.session = session
            self.security = security
            self.milliseconds = milliseconds
            self.actor = actor
            self.delayNoticed = delayNoticed
            self.relayNoticed = relayNoticed
        }

        /// Whose the words are that the recipient's story ends with, or goes on with. Who gives up tells what was said last.
        public func author(after recipient: SpooledRecipient) -> ReplyAuthor? {
            self.saidBy ?? (self.reply == nil || self.reply == recipient.lastReply ? recipient.lastSaidBy : nil)
        }
    }
    public var message: QueueID
    public var at: Timestamp
    public var outcomes: [Outcome]
    /// The delivery status notifications that go into the queue with it (RFC 3464).
    public var reports: [NewMessage]
    public init(message: QueueID, at: Timestamp, outcomes: [Outcome], reports: [NewMessage] = []) {
        self.message = message
        self.at = at
        self.outcomes = outcomes
        self.reports = reports
    }
}

/// What became of a settlement.
public enum Settled: Sendable, Hashable {
    /// The message's new generation; each recipient's went up by one. `isGone`: every recipient is settled and nothing
    /// keeps the message.
    case done(generation: UInt32, isGone: Bool)
    /// A recipient had changed, or the message was gone; or another node has it, and it is that one's to return: nothing was
    /// done.
    case stale
}

/// Who has drops forgotten that could still be taken back, and when.
public struct PurgeOrder: Sendable, Hashable {
    public var at: Timestamp
    public var actor: String
    public init(at: Timestamp, by actor: String) {
        self.at = at
        self.actor = actor
    }
}

/// What an operator can order the spool to do.
public struct Order: Sendable, Hashable {
    public enum Action: Sendable, Hashable {
        /// Deferred recipients become queued, due at once.
        case retry
        case hold
        case release
        /// Holds what no operator holds, as long as this standing rule is there.
        case holdUnder(rule: Int64)
        /// Sends it to another next hop from now on, `host:port` or `mx`; `nil`: by its route again.
        case reroute(via: String?)
        /// The next attempt is at this time, and none before. Like time on hold that counts neither to retry nor to expiry.
        case postpone(until: Timestamp)
        /// Sends it to another address from now on; what the sender wrote is kept as the original recipient (RFC 3461
        /// §4.2), which reports name.
        case readdress(to: Mailbox)
        /// Holds it until the node that has it bounces it, which alone knows whether it is handing it over; a bounce of one's
        /// own is a ``Settlement``.
        case bounce
        /// Settles without notification; can be taken back until `undoUntil`, together with the earlier drops that `token`
        /// names.
        case drop(undoUntil: Timestamp, token: Int64? = nil)
    }
    public var action: Action
    public var at: Timestamp
    /// Who orders it: a user name, `signal`, `ETRN`.
    public var actor: String
    /// Why, in words.
    public var reason: String?
    public init(_ action: Action, at: Timestamp, by actor: String, reason: String? = nil) {
        self.action = action
        self.at = at
        self.actor = actor
        self.reason = reason
    }
}

/// What an order really did.
public struct Applied: Sendable {
    /// The recipients that changed, each as it now is, with its message's generation.
    public struct Change: Sendable, Hashable {
        public var message: QueueID
        public var generation: UInt32
        public var recipient: SpooledRecipient
        /// It is again as it was in this generation; `nil`: it is as it never was.
        public var revives: UInt32?
        public init(message: QueueID, generation: UInt32, recipient: SpooledRecipient, revives: UInt32? = nil) {
            self.message = message
            self.generation = generation
            self.recipient = recipient
            self.revives = revives
        }
    }
    public var changes: [Change]
    /// Why others were left alone, with how many recipients.
    public var skipped: [Skip: Int]
    /// Names a drop for ``Spool/undo(_:after:at:by:on:)``.
    public var undo: Int64?
    /// The last message that an undo looked at, behind which the next part begins; `nil`: there are no more.
    public var end: QueueID?
    public init(changes: [Change] = [], skipped: [Skip: Int] = [:], undo: Int64? = nil, end: QueueID? = nil) {
        self.changes = changes
        self.skipped = skipped
        self.undo = undo
        self.end = end
    }
}

/// A drop that can still be taken back.
public struct UndoableDrop: Sendable, Hashable {
    /// Names it for ``Spool/undo(_:after:at:by:on:)``.
    public var token: Int64
    public var recipients: Int
    public var messages: Int
    /// The last moment at which it can be taken back.
    public var until: Timestamp
    /// Who dropped; `nil` where that cannot be read.
    public var actor: String?
    public init(token: Int64, recipients: Int, messages: Int, until: Timestamp, actor: String?) {
        self.token = token
        self.recipients = recipients
        self.messages = messages
        self.until = until
        self.actor = actor
    }
}

/// What happened since the spool was made.
public struct Counters: Sendable, Hashable {
    /// Messages.
    public var accepted = 0
    /// Recipients, as are the rest.
    public var relayed = 0
    public var deferredAttempts = 0
    public var bounced = 0
    public var expired = 0
    public var dropped = 0
    /// Messages made here to report on others; they count as accepted too.
    public var reports = 0
    public init() {}

    package static func += (counters: inout Counters, more: Counters) {
        counters.accepted += more.accepted
        counters.relayed += more.relayed
        counters.deferredAttempts += more.deferredAttempts
        counters.bounced += more.bounced
        counters.expired += more.expired
        counters.dropped += more.dropped
        counters.reports += more.reports
    }
}

/// Content that can be read, any number of times. Large content is never in memory as a whole.
public protocol ContentSource: Sendable {
    var octets: Int { get }
    /// At most `count` octets from `offset`; empty at the end. Completes on `eventLoop`.
    ///
    /// Fails with ``SpoolError`` `.damaged` where it ends early, or instead of its last octets when all of it was read in
    /// order, from 0, and is not what was accepted.
    func read(from offset: Int, count: Int, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer>
}
