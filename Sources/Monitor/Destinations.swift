public import Mail

/// A next hop of one node. Two of them may have one name, where routes lead to the same place under different terms.
public struct DestinationRef: Hashable, Sendable, Codable {
    public var node: String
    /// Its name; of namesakes all but the first with a number: `mx.example.org:25#2`.
    public var id: String
    public init(node: String, id: String) {
        self.node = node
        self.id = id
    }
}

/// A next hop: what waits for it, how it is tried, and what it said last. Its text is as the operator, or a remote host,
/// wrote it: hostile until it is `SafeText`.
public struct DestinationRow: Hashable, Sendable, Codable {
    public var ref: DestinationRef
    /// `mx.example.org:25`, or the domain whose mail exchangers are meant; ``noRoute`` for mail that no route takes.
    public var name: String
    /// The hosts behind the first one, in the order in which they are tried.
    public var otherHosts: [String]
    /// What its route demands of it; `nil` where it has none.
    public var terms: DestinationTerms?
    public var condition: DestinationAges.Condition
    /// The last failure (`backoff`), the commonest reply (`deferring`), a domain (`unrouted`), or why it is suspended.
    public var reason: String?
    /// The end of a back-off or a suspension.
    public var until: Timestamp?
    /// Who suspended it.
    public var by: String?
    /// What has to be resumed for its mail to go on, where it is suspended: its own name, or that of one of its hosts, all of
    /// which are suspended.
    public var suspendedName: String?
    /// Failures in a row, for which it backs off.
    public var failures: Int
    /// Unsettled recipients in each state.
    public var recipients: RecipientCounts
    /// When the first of what waits for it came.
    public var oldest: Timestamp?
    /// Sessions of this node now, and at most: its share of the operator's limit, or of the configured one.
    public var connections: Int
    public var connectionLimit: Int
    /// The limit is of all nodes that share the queue, which take turns; `nil`: it is this one's share.
    public var isLimitOfAll: Bool?
    /// The limit is the operator's, until its rule ends.
    public var isLimited: Bool
    /// How many sessions are tried at a time, as they went well or did not; `nil`: none was tried.
    public var window: Int?
    /// How long, in milliseconds, what is due now takes if all goes well; `nil` where that is not known.
    public var remaining: Int64?
    /// What most of its deferred recipients had as their last reply; of a back-off, why there was none.
    public var lastReply: String?

    public var waiting: Int { self.recipients.unsettled }
    /// The filter that shows its mail in the queue, with that of its namesakes.
    public var door: FilterExpression { FilterExpression(.dest, is: self.name) }

    /// The name of a suspension that is not its own, but that of a host.
    public var suspendedHost: String? {
        self.suspendedName.flatMap { $0.lowercased() == self.name.lowercased() ? nil : $0 }
    }

    public init(
        ref: DestinationRef, name: String, otherHosts: [String] = [], terms: DestinationTerms? = nil,
        condition: DestinationAges.Condition, reason: String? = nil, until: Timestamp? = nil, by: String? = nil,
        failures: Int = 0, recipients: RecipientCounts = RecipientCounts(), oldest: Timestamp? = nil,
        connections: Int = 0, connectionLimit: Int = 0, isLimited: Bool = false, window: Int? = nil,
        remaining: Int64? = nil, lastReply: String? = nil
    ) {
        self.ref = ref
        self.name = name
        self.otherHosts = otherHosts
        self.terms = terms
        self.condition = condition
        self.reason = reason
        self.until = until
        self.by = by
        self.failures = failures
        self.recipients = recipients
        self.oldest = oldest
        self.connections = connections
        self.connectionLimit = connectionLimit
        self.isLimited = isLimited
        self.window = window
        self.remaining = remaining
        self.lastReply = lastReply
    }
}

/// What the hosts of a destination are held to, as a `[[route]]` says.
public struct DestinationTerms: Hashable, Sendable, Codable {
    /// So many messages in so much time.
    public struct Rate: Hashable, Sendable, Codable {
        public var messages: Int
        public var milliseconds: Int64
        public init(messages: Int, milliseconds: Int64) {
            self.messages = messages
            self.milliseconds = milliseconds
        }
    }
    /// The value of the key `tls`: `none`, `opportunistic`, `required`, `verified`.
    public var tls: String
    /// TLS before anything is said (RFC 8314 §3).
    public var isImplicit: Bool
    /// One certificate and no other.
    public var isPinned: Bool
    /// Who logs in there.
    public var user: String?
    public var messagesPerConnection: Int?
    public var rate: Rate?
    /// Senders are rewritten (SRS).
    public var rewritesSenders: Bool
    public init(
        tls: String, isImplicit: Bool = false, isPinned: Bool = false, user: String? = nil,
        messagesPerConnection: Int? = nil, rate: Rate? = nil, rewritesSenders: Bool = false
    ) {
        self.tls = tls
        self.isImplicit = isImplicit
        self.isPinned = isPinned
        self.user = user
        self.messagesPerConnection = messagesPerConnection
        self.rate = rate
        self.rewritesSenders = rewritesSenders
    }
}

public struct DestinationQuery: Hashable, Sendable, Codable {
    public enum SortKey: String, Hashable, Sendable, Codable, CaseIterable {
        case name, state, waiting, oldest, sessions
    }
    public var filter: FilterExpression
    public var sort: SortKey
    public var descending: Bool
    public init(filter: FilterExpression = .all, sort: SortKey = .waiting, descending: Bool = true) {
        self.filter = filter
        self.sort = sort
        self.descending = descending
    }
}

extension DestinationQuery {
    /// Whether one row of the query's stands before another. Of different destinations always one does.
    public func isBefore(_ left: DestinationRow, _ right: DestinationRow) -> Bool {
        let (first, second) = self.descending ? (right, left) : (left, right)
        if self.sort.isBefore(first, second) { return true }
        if self.sort.isBefore(second, first) { return false }
        // Equals stand by their names, whichever way the rest is turned.
        return (left.ref.id, left.ref.node) < (right.ref.id, right.ref.node)
    }

    /// A window of all that there are, for feeds that have them at hand.
    public func window(
        _ request: WindowRequest<DestinationRef>, of all: [DestinationRow], at now: Timestamp
    ) -> Window<DestinationRow> {
        let rows = self.rows(of: all, at: now)
        let shown = request.rows(of: rows.count) { ref in rows.firstIndex { $0.ref == ref } }
        return Window(
            rows: Array(rows[shown]), first: shown.lowerBound, matched: rows.count, total: all.count, at: now)
    }

    public func find(
        _ search: SearchRequest, among all: [DestinationRow], at now: Timestamp
    ) -> SearchHit<DestinationRef>? {
        let rows = self.rows(of: all, at: now)
        return search.rows(of: rows.count)
            .first { search.wanted.matches(DestinationSubject(rows[$0], at: now)) }
            .map { SearchHit(rows[$0].ref, row: $0) }
    }

    private func rows(of all: [DestinationRow], at now: Timestamp) -> [DestinationRow] {
        all.filter { self.filter.matches(DestinationSubject($0, at: now)) }.sorted(by: self.isBefore)
    }
}

extension DestinationQuery.SortKey {
    fileprivate func isBefore(_ left: DestinationRow, _ right: DestinationRow) -> Bool {
        switch self {
        case .name: left.name < right.name
        case .state: left.condition.rank < right.condition.rank
        case .waiting: left.waiting < right.waiting
        // Descending is the oldest on top; what has nothing stands below.
        case .oldest: left.oldest.map { left in right.oldest.map { left > $0 } ?? false } ?? (right.oldest != nil)
        case .sessions: left.connections < right.connections
        }
    }
}

extension DestinationAges.Condition {
    /// How much a destination in it is in need of a look.
    public var rank: Int {
        switch self {
        case .ok: 0
        case .hold: 1
        case .deferring: 2
        case .backoff: 3
        case .suspended: 4
        case .unrouted: 5
        }
    }
}

/// A destination as a filter sees it.
public struct DestinationSubject: FilterSubject {
    private let row: DestinationRow
    private let now: Timestamp
    public init(_ row: DestinationRow, at now: Timestamp) {
        self.row = row
        self.now = now
    }
    public var plainTexts: [String] { [self.row.name] + self.row.otherHosts }
    public func text(_ field: FilterField) -> String? {
        switch field {
        case .dest: self.row.name
        case .state: self.row.condition.word
        case .code, .reply: self.row.lastReply
        case .id, .from, .to, .failure, .age, .size, .try, .next, .tls, .user, .peer, .name, .at, .since, .until,
            .actor,
            .msgid, .rid, .subject, .session, .idle, .node:
            nil
        }
    }
    public func number(_ field: FilterField) -> Int64? {
        switch field {
        case .age: self.row.oldest.map { self.now.since($0) }
        case .next: self.row.until.map { Swift.max($0.since(self.now), 0) }
        case .size, .try, .id, .from, .to, .dest, .state, .code, .reply, .failure, .tls, .user, .peer, .name, .at,
            .since,
            .until, .actor, .msgid, .rid, .subject, .session, .idle, .node:
            nil
        }
    }
}
