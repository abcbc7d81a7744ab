public import Mail
import SMTP

/// A row of the queue as a filter sees it where nothing but the row is known.
public struct QueueRowSubject: FilterSubject {
    private let row: QueueRow
    private let now: Timestamp
    public init(_ row: QueueRow, at now: Timestamp) {
        self.row = row
        self.now = now
    }
    public var plainTexts: [String] { [self.row.ref.id, self.row.from, self.row.to] }
    public func text(_ field: FilterField) -> String? {
        switch field {
        case .id: self.row.ref.id
        case .from: self.row.from
        case .to: self.row.to
        case .dest: self.row.destination ?? noRoute
        case .state: self.row.state.word
        case .code, .reply: self.row.lastReply
        case .failure: self.row.lastReply.map { ReplyFingerprint(of: $0).text }
        case .peer: self.row.client
        case .tls: self.row.tls
        case .user: self.row.user
        case .node: self.row.holder ?? self.row.ref.node
        case .age, .size, .try, .next, .name, .at, .since, .until, .actor, .msgid, .rid, .subject, .session,
            .idle:
            nil
        }
    }
    /// What is damaged is on hold, and found as either.
    public func holds(_ field: FilterField, _ test: (String) -> Bool) -> Bool {
        if field == .state, case .damaged? = self.row.why, test(WaitReason.damagedWord),
            // One letter is that of other states.
            !test(String(WaitReason.damagedWord.prefix(1)))
        {
            return true
        }
        return self.text(field).map(test) ?? false
    }
    public func number(_ field: FilterField) -> Int64? {
        switch field {
        case .age: self.now.since(self.row.arrived)
        case .size: self.row.contentOctets.map(Int64.init)
        case .try: Int64(self.row.tries)
        case .next: self.row.nextAttempt.map { max($0.since(self.now), 0) }
        case .id, .from, .to, .dest, .state, .code, .reply, .failure, .tls, .user, .node, .peer, .name, .at, .since,
            .until,
            .actor,
            .msgid, .rid, .subject, .session, .idle:
            nil
        }
    }
}

/// What `dest` says of mail that no route takes.
public let noRoute = "no route"

/// A session as a filter sees it.
public struct ConnectionSubject: FilterSubject {
    private let row: ConnectionRow
    private let now: Timestamp
    public init(_ row: ConnectionRow, at now: Timestamp) {
        self.row = row
        self.now = now
    }
    public var plainTexts: [String] {
        [self.row.ref.id, self.row.peer, self.row.name ?? "", self.row.message ?? "", self.row.user ?? ""]
    }
    public func text(_ field: FilterField) -> String? {
        switch field {
        case .id: self.row.ref.id
        case .peer: self.row.peer
        case .name: self.row.name
        case .state: self.row.phase.filterWord
        case .tls: self.row.tls
        case .user: self.row.user
        case .reply: self.row.remark
        case .from, .to, .dest, .code, .failure, .node, .age, .size, .try, .next, .at, .since, .until, .actor, .msgid,
            .rid,
            .subject, .session, .idle:
            nil
        }
    }
    /// A peer is what the column says, and the address of the connection alone.
    public func holds(_ field: FilterField, _ test: (String) -> Bool) -> Bool {
        if field == .peer, let address = self.row.address, test(address) { return true }
        return self.text(field).map(test) ?? false
    }
    public func number(_ field: FilterField) -> Int64? {
        switch field {
        case .age: (self.row.ended ?? self.now).since(self.row.started)
        case .idle: self.row.ended == nil ? self.now.since(self.row.lastActivity) : nil
        case .size: self.row.contentOctets.map(Int64.init)
        case .id, .from, .to, .dest, .state, .code, .reply, .failure, .tls, .user, .node, .try, .next, .peer, .name,
            .at,
            .since, .until,
            .actor, .msgid, .rid, .subject, .session:
            nil
        }
    }
}

/// An entry of the journal as a filter sees it.
public struct JournalSubject: FilterSubject {
    private let entry: JournalEntry
    private let now: Timestamp
    public init(_ entry: JournalEntry, at now: Timestamp) {
        self.entry = entry
        self.now = now
    }
    private var fact: FactRow { self.entry.fact }
    /// A word that an operator has at hand may be any name of the message.
    public var plainTexts: [String] {
        [self.fact.message, self.fact.from, self.fact.to, self.entry.messageID, self.fact.remoteID].compactMap { $0 }
    }
    public func text(_ field: FilterField) -> String? {
        switch field {
        case .id: self.fact.message
        case .from: self.fact.from
        case .to: self.fact.to
        case .dest: self.fact.nextHop
        case .state: self.fact.kind.word
        case .code, .reply: self.fact.kind.hasReply ? self.fact.text : nil
        case .failure: self.text(.reply).map { ReplyFingerprint(of: $0).text }
        case .tls: self.entry.security?.protection
        case .user: self.entry.user
        case .peer: self.entry.peer
        case .name: self.entry.hello
        case .actor: self.fact.actor
        case .msgid: self.entry.messageID
        case .rid: self.fact.remoteID
        case .subject: self.entry.subject
        case .session, .idle: self.fact.session?.id
        case .node, .age, .size, .try, .next, .at, .since, .until: nil
        }
    }
    public func number(_ field: FilterField) -> Int64? {
        switch field {
        case .age: self.now.since(self.fact.at)
        case .at: self.fact.at.milliseconds
        case .size: self.fact.contentOctets.map(Int64.init)
        case .id, .from, .to, .dest, .state, .code, .reply, .failure, .tls, .user, .node, .try, .next, .peer, .name,
            .since,
            .until,
            .actor, .msgid, .rid, .subject, .session, .idle:
            nil
        }
    }
}

extension SessionPhase {
    /// What a filter calls it: the command that is under way.
    var filterWord: String {
        switch self {
        case .connect: "connect"
        case .greeting: "greeting"
        case .hello: "ehlo"
        case .tls: "tls"
        case .auth: "auth"
        case .idle: "idle"
        case .mail: "mail"
        case .rcpt: "rcpt"
        case .data, .content, .finalReply: "data"
        case .quit: "quit"
        case .closed: "closed"
        }
    }
}
