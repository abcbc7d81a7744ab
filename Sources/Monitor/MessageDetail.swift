public import Foundation
public import Mail

/// Everything known of one message: envelope, hops behind, this relay's own experience, the way ahead.
public struct MessageDetail: Hashable, Sendable, Codable {
    public var ref: MessageRef
    public var arrived: Timestamp
    public var contentOctets: Int?
    public var from: String
    /// MAIL's parameters as they came in.
    public var parameters: [String]
    /// True when every recipient is settled: what is shown comes from the facts.
    public var isSettled: Bool
    /// The peer that handed it over, `192.0.2.7:40112`; `nil` for a report made here.
    public var peer: String?
    public var hello: String?
    /// `SMTP` or `ESMTP`.
    public var with: String?
    /// `TLSv1.3`; `nil`: it came in the clear.
    public var tls: String?
    /// Whom the peer logged in as.
    public var user: String?
    public var session: SessionRef?
    public var subject: String?
    /// The header as it is, up to 16 KiB; lines end with LF.
    public var header: String?
    /// The first lines of the text, up to 4 KiB; lines end with LF.
    public var text: String?
    /// Its parts as people read them, as far as they are within the first 40 KiB; `nil`: not known.
    public var parts: [MessagePart]?
    /// The hops of the Received fields, the first one first. Claimed, not experienced.
    public var claimedHops: [ClaimedHop]
    public var recipients: [RecipientDetail]
    /// Newest last.
    public var attempts: [AttemptRow]
    public var expires: Timestamp?
    public init(
        ref: MessageRef, arrived: Timestamp, contentOctets: Int? = nil, from: String, parameters: [String] = [],
        isSettled: Bool = false, peer: String? = nil, hello: String? = nil, with: String? = nil,
        tls: String? = nil, user: String? = nil, session: SessionRef? = nil, subject: String? = nil,
        header: String? = nil, text: String? = nil, parts: [MessagePart]? = nil,
        claimedHops: [ClaimedHop] = [], recipients: [RecipientDetail] = [], attempts: [AttemptRow] = [],
        expires: Timestamp? = nil
    ) {
        self.ref = ref
        self.arrived = arrived
        self.contentOctets = contentOctets
        self.from = from
        self.parameters = parameters
        self.isSettled = isSettled
        self.peer = peer
        self.hello = hello
        self.with = with
        self.tls = tls
        self.user = user
        self.session = session
        self.subject = subject
        self.header = header
        self.text = text
        self.parts = parts
        self.claimedHops = claimedHops
        self.recipients = recipients
        self.attempts = attempts
        self.expires = expires
    }
}

/// A hop as a Received field tells it (RFC 5321 §4.4); anybody can write one.
public struct ClaimedHop: Hashable, Sendable, Codable {
    public var from: String?
    public var by: String?
    public var with: String?
    public var id: String?
    public var at: Timestamp?
    /// The time since the hop before, in milliseconds; negative when a clock is odd.
    public var delay: Int64?
    public init(
        from: String? = nil, by: String? = nil, with: String? = nil, id: String? = nil, at: Timestamp? = nil,
        delay: Int64? = nil
    ) {
        self.from = from
        self.by = by
        self.with = with
        self.id = id
        self.at = at
        self.delay = delay
    }
}

public struct RecipientDetail: Hashable, Sendable, Codable {
    public var ref: RecipientRef
    /// The forward-path as it came in, with angle brackets and source route.
    public var forwardPath: String
    public var state: RecipientState
    public var tries: Int
    public var nextAttempt: Timestamp?
    public var lastReply: String?
    /// Why it is still here, or how it ended.
    public var why: WaitReason
    /// The hosts of the next attempt in order, `host:port`.
    public var nextHops: [String]
    /// The next hop as destinations are named; `nil` where no route matches, or it is settled.
    public var destination: String?
    /// The rest of the source route beyond the next hop, then the final domain; names only.
    public var ahead: [String]
    /// Who took it, `host:port`, and its queue identifier: joins the next hop's own feed.
    public var relayedTo: String?
    public var remoteID: String?
    public var settledAt: Timestamp?
    public var progress: DeliveryProgress?
    public init(
        ref: RecipientRef, forwardPath: String, state: RecipientState, tries: Int = 0, nextAttempt: Timestamp? = nil,
        lastReply: String? = nil, why: WaitReason = .due, nextHops: [String] = [], ahead: [String] = [],
        relayedTo: String? = nil, remoteID: String? = nil, settledAt: Timestamp? = nil,
        progress: DeliveryProgress? = nil, destination: String? = nil
    ) {
        self.ref = ref
        self.destination = destination
        self.forwardPath = forwardPath
        self.state = state
        self.tries = tries
        self.nextAttempt = nextAttempt
        self.lastReply = lastReply
        self.why = why
        self.nextHops = nextHops
        self.ahead = ahead
        self.relayedTo = relayedTo
        self.remoteID = remoteID
        self.settledAt = settledAt
        self.progress = progress
    }
}

/// Why a recipient is where it is. When it goes on is its `nextAttempt`; what was said last its `lastReply`.
public enum WaitReason: Hashable, Sendable, Codable {
    /// An attempt is under way.
    case active
    /// It is due, and the next one.
    case due
    /// It is due, and about so many others go to its next hop before it.
    case behind(others: Int)
    /// It is due, as are about so many others before it, and its next hop has as many connections as its route, or the
    /// operator, lets it have.
    case limited(others: Int, connections: Int)
    /// It is due; all nodes of the fleet together may have so many connections to its next hop, and this one has none yet: they
    /// are fewer than there are nodes, or others have not gone down to their shares.
    case limitedElsewhere(connections: Int)
    /// It waits for its retry time.
    case retryTime
    /// The next hop could not be used, so that nothing goes there before.
    case backoff(until: Timestamp?, reason: String?)
    /// What its route allows in a time is used up; about when it goes.
    case rate(until: Timestamp?)
    /// It is not known for now which hosts take mail for its domain, and is asked about again then; without a time it is
    /// being asked.
    case lookup(until: Timestamp?, reason: String?)
    /// What becomes of mail cannot be written down, so that nothing is tried.
    case spoolFailing
    /// Another node of the fleet has it.
    case otherNode(name: String)
    /// This node begins nothing: it drains, or its lease on what it holds is over.
    case nodeIdle
    case noRoute(domain: String)
    /// An operator suspended its destination; without an end, until it is resumed.
    case suspended(by: String, until: Timestamp?, reason: String?)
    /// Somebody holds it; by whom, where that is known.
    case held(by: String?, reason: String? = nil)
    /// The disk no longer has it as it was written.
    case damaged(reason: String?)
    /// Nothing is left to be done; the state says how it ended.
    case settled
}

/// One attempt to hand a recipient on.
public struct AttemptRow: Hashable, Sendable, Codable {
    public var recipientIndex: Int
    public var at: Timestamp
    public var milliseconds: Int64?
    public var nextHop: String?
    /// `relayed`, `deferred`, `bounced` or `expired`.
    public var outcome: RecipientState
    public var reply: String?
    public var session: SessionRef?
    /// What protected the session; `nil` where none was had, or it is not known.
    public var security: SessionSecurity?
    public init(
        recipientIndex: Int, at: Timestamp, milliseconds: Int64? = nil, nextHop: String? = nil,
        outcome: RecipientState, reply: String? = nil, session: SessionRef? = nil, security: SessionSecurity? = nil
    ) {
        self.recipientIndex = recipientIndex
        self.at = at
        self.milliseconds = milliseconds
        self.nextHop = nextHop
        self.outcome = outcome
        self.reply = reply
        self.session = session
        self.security = security
    }
}

/// Octets of a message as it is kept, with our own Received field in front.
public struct ContentPage: Hashable, Sendable, Codable {
    /// Its JSON form is base64.
    public var octets: Data
    /// What comes next begins there; `nil`: nothing does.
    public var next: Int?
    public init(octets: Data, next: Int?) {
        self.octets = octets
        self.next = next
    }
}
