public import Mail

/// What recipients in the queue are put together by.
public enum QueueGrouping: String, Hashable, Sendable, Codable, CaseIterable {
    /// The next hop.
    case destination
    /// The reverse-path.
    case sender
    case state
    /// What the last reply says: its ``ReplyFingerprint``.
    case failure
    /// Who had logged in.
    case user
    /// The address of the client that brought it.
    case client

    /// The field that has what a group has in common.
    public var field: FilterField {
        switch self {
        case .destination: .dest
        case .sender: .from
        case .state: .state
        case .failure: .failure
        case .user: .user
        case .client: .peer
        }
    }
}

/// Recipients in the queue that have something in common. Its text is as a peer wrote it: hostile until it is `SafeText`.
public struct QueueGroup: Hashable, Sendable, Codable {
    /// What they have in common, as a filter names it: a next hop or ``noRoute``, a reverse-path without its angle brackets
    /// or `<>`, a state's word, a reply's fingerprint, a user, a client's address; `nil`: they have no such thing.
    public var value: String?
    /// Unsettled recipients in each state.
    public var recipients: RecipientCounts
    /// The messages that they are of; one with recipients in several groups counts in each.
    public var messages: Int
    /// Of the content of these messages.
    public var contentOctets: Int
    /// When the first of these messages came.
    public var oldest: Timestamp
    /// The last reply to one of them.
    public var reply: String?
    public init(
        value: String?, recipients: RecipientCounts = RecipientCounts(), messages: Int = 0, contentOctets: Int = 0,
        oldest: Timestamp, reply: String? = nil
    ) {
        self.value = value
        self.recipients = recipients
        self.messages = messages
        self.contentOctets = contentOctets
        self.oldest = oldest
        self.reply = reply
    }

    /// The filter that matches the group's recipients and no others.
    public func door(_ grouping: QueueGrouping, of query: QueueQuery) -> FilterExpression {
        let own =
            if let value = self.value {
                FilterExpression(grouping.field, is: value)
            } else {
                FilterExpression(without: grouping.field)
            }
        return query.filter.narrowed(to: own)
    }
}

/// The recipients that a query matches, group by group.
public struct QueueGroups: Hashable, Sendable, Codable {
    /// As many groups are told, and so many are told apart while they are counted: senders choose how many there are.
    public static let limits = (told: 1000, counted: 10_000)

    /// Those with most recipients, most first.
    public var groups: [QueueGroup]
    /// Groups beyond those; at least so many where `isBounded`.
    public var moreGroups: Int
    /// Recipients that are in none of `groups`.
    public var otherRecipients: Int
    /// There were more groups than are told apart, so that the smaller ones may be short of recipients.
    public var isBounded: Bool
    /// All recipients and messages that the query matches.
    public var recipients: Int
    public var messages: Int
    public var at: Timestamp
    /// Nodes whose recipients are missing; `nil`: none.
    public var absent: [AbsentNode]?

    /// - Parameters:
    ///   - all: in any order, and of one value once.
    ///   - otherRecipients: those that are in none of them; there are some where groups were too many to be told apart.
    public init(
        _ all: [QueueGroup], otherRecipients: Int = 0, recipients: Int, messages: Int, at: Timestamp,
        absent: [AbsentNode]? = nil
    ) {
        let ranked = all.sorted { left, right in
            (right.recipients.unsettled, left.value ?? "") < (left.recipients.unsettled, right.value ?? "")
        }
        let rest = ranked.dropFirst(Self.limits.told)
        self.groups = Array(ranked.prefix(Self.limits.told))
        self.moreGroups = rest.count
        self.otherRecipients = otherRecipients + rest.reduce(0) { $0 + $1.recipients.unsettled }
        self.isBounded = otherRecipients > 0
        self.recipients = recipients
        self.messages = messages
        self.at = at
        self.absent = absent
    }

    /// Several nodes' as one. A group that one of them did not tell of is short of that one's recipients.
    init(joining all: [QueueGroups], absent: [AbsentNode]?) {
        let groups = Dictionary(grouping: all.flatMap(\.groups), by: \.value).values.compactMap { some in
            some.first.map { first in some.dropFirst().reduce(into: first) { $0.add($1) } }
        }
        func sum(_ part: (QueueGroups) -> Int) -> Int { all.reduce(0) { $0 + part($1) } }
        self.init(
            groups, otherRecipients: sum(\.otherRecipients), recipients: sum(\.recipients), messages: sum(\.messages),
            at: all.map(\.at).max() ?? Timestamp(milliseconds: 0), absent: absent)
        self.moreGroups += all.map(\.moreGroups).max() ?? 0
    }
}

extension QueueGroup {
    /// Takes in what another part of the queue has of the same group.
    package mutating func add(_ other: QueueGroup) {
        for state in RecipientState.allCases { self.recipients[state] += other.recipients[state] }
        self.messages += other.messages
        self.contentOctets += other.contentOctets
        self.oldest = min(self.oldest, other.oldest)
        self.reply = self.reply ?? other.reply
    }
}

extension QueueQuery {
    /// Groups of rows that are all at hand: a row counts for the recipient that it shows.
    public func groups(by grouping: QueueGrouping, of rows: some Sequence<QueueRow>, at now: Timestamp) -> QueueGroups {
        let matching = self.matching(rows, at: now)
        var groups: [String?: QueueGroup] = [:]
        for row in matching {
            let subject = QueueRowSubject(row, at: now)
            var group = QueueGroup(
                value: subject.text(grouping.field).map { String(FilterTerm.TextTest.bare($0)) },
                messages: 1, contentOctets: row.contentOctets ?? 0, oldest: row.arrived, reply: row.lastReply)
            if group.value?.isEmpty == true, grouping == .sender { group.value = "<>" }
            group.recipients[row.state] = row.matching
            let key = group.value?.foldedASCII
            if groups[key] == nil { groups[key] = group } else { groups[key]?.add(group) }
        }
        return QueueGroups(
            Array(groups.values), recipients: matching.reduce(0) { $0 + $1.matching }, messages: matching.count, at: now
        )
    }
}
