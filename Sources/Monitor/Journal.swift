public import Mail

/// One thing that happened, as the journal keeps it: what became of mail, or what an operator did.
///
/// It is kept apart from the spool and longer. All text is as the peer gave it: hostile until it is `SafeText`.
public struct JournalEntry: Hashable, Sendable, Codable {
    public var ref: JournalRef
    /// What happened; its session may be one of an earlier run, whose transcript the journal may have.
    public var fact: FactRow
    /// Of an accepted message: its Message-ID field with angle brackets (RFC 5322 §3.6.4), and its Subject.
    public var messageID: String?
    public var subject: String?
    /// Of an accepted message: the client, `192.0.2.7:40112`, the name that it gave, the protocol (RFC 3848), and whom it
    /// logged in as. `peer` is `nil` for a report made here.
    public var peer: String?
    public var hello: String?
    public var with: String?
    public var user: String?
    /// What protected the session in which it happened; `nil` where there was none, or it is not known.
    public var security: SessionSecurity?
    public init(
        ref: JournalRef, fact: FactRow, messageID: String? = nil, subject: String? = nil, peer: String? = nil,
        hello: String? = nil, with: String? = nil, user: String? = nil, security: SessionSecurity? = nil
    ) {
        self.ref = ref
        self.fact = fact
        self.messageID = messageID
        self.subject = subject
        self.peer = peer
        self.hello = hello
        self.with = with
        self.user = user
        self.security = security
    }
}

/// An entry of one node's journal.
public struct JournalRef: Hashable, Sendable, Codable {
    public var node: String
    /// Counts up from 1 in the order in which the journal was told; never given twice.
    public var number: Int64
    public init(node: String, number: Int64) {
        self.node = node
        self.number = number
    }
}

/// Which entries are wanted, and in which order.
public struct JournalQuery: Hashable, Sendable, Codable {
    public var filter: FilterExpression
    /// What the entries have to match besides: a search in what the filter shows.
    public var wanted: FilterExpression
    /// Nothing that happened before this moment.
    public var since: Timestamp?
    /// Nothing that happened at this moment or later.
    public var until: Timestamp?
    /// Where the list begins.
    public var newestFirst: Bool
    public init(
        filter: FilterExpression = .all, wanted: FilterExpression = .all, since: Timestamp? = nil,
        until: Timestamp? = nil, newestFirst: Bool = true
    ) {
        self.filter = filter
        self.wanted = wanted
        self.since = since
        self.until = until
        self.newestFirst = newestFirst
    }
}

/// Which part of the list is wanted.
///
/// A place lies between two entries, whatever the query and its order: behind the ``JournalWindow/end`` of a window comes
/// the next one, behind its ``JournalWindow/start`` in the other order comes what stands in front of it, among that what
/// happened since.
public struct JournalRequest: Hashable, Sendable, Codable {
    /// Rows behind this place; `nil`: from the list's beginning. Opaque.
    public var place: String?
    /// So many at most.
    public var count: Int
    public init(behind place: String? = nil, count: Int) {
        self.place = place
        self.count = count
    }
}

/// Entries in the order of a query. How many match is not counted: there may be many millions.
public struct JournalWindow: Hashable, Sendable, Codable {
    public var rows: [JournalEntry]
    /// The place in front of the first of these, and the one behind the last entry that was looked at.
    public var start: String
    public var end: String
    /// Nothing is behind ``end`` now. Where it is false although fewer rows came than were asked for, the search took too
    /// long, and goes on behind ``end``.
    public var isComplete: Bool
    /// When that happened that was looked at last; `nil`: nothing was looked at.
    public var reached: Timestamp?
    /// Entries there are without the query.
    public var total: Int
    public var at: Timestamp
    /// Nodes whose entries are missing here; `nil`: none.
    public var absent: [AbsentNode]?
    public init(
        rows: [JournalEntry], start: String, end: String, isComplete: Bool, reached: Timestamp? = nil, total: Int,
        at: Timestamp, absent: [AbsentNode]? = nil
    ) {
        self.rows = rows
        self.start = start
        self.end = end
        self.isComplete = isComplete
        self.reached = reached
        self.total = total
        self.at = at
        self.absent = absent
    }
}

/// How a journal is doing.
public struct JournalStatus: Hashable, Sendable, Codable {
    /// Where it is; `nil`: several nodes have one each.
    public var directory: String?
    public var entries: Int
    /// Octets on the disk, transcripts among them.
    public var octets: Int
    public var octetsLimit: Int
    /// Milliseconds after which an entry goes.
    public var ageLimit: Int64
    /// When that happened that its oldest and its newest entry tell; `nil`: it is empty.
    public var oldest: Timestamp?
    public var newest: Timestamp?
    public var transcripts: Int
    /// Things that happened and are not in it yet.
    public var behind: Int
    /// Things that it will never have: it could not be written for too long, or they could not be read.
    public var missing: Int
    /// Why it cannot be written now.
    public var failure: String?
    public var absent: [AbsentNode]?
    public init(
        directory: String?, entries: Int, octets: Int, octetsLimit: Int, ageLimit: Int64, oldest: Timestamp? = nil,
        newest: Timestamp? = nil, transcripts: Int = 0, behind: Int = 0, missing: Int = 0, failure: String? = nil,
        absent: [AbsentNode]? = nil
    ) {
        self.directory = directory
        self.entries = entries
        self.octets = octets
        self.octetsLimit = octetsLimit
        self.ageLimit = ageLimit
        self.oldest = oldest
        self.newest = newest
        self.transcripts = transcripts
        self.behind = behind
        self.missing = missing
        self.failure = failure
        self.absent = absent
    }
}

extension MonitorFeed {
    /// The next entry of the query's order that is also `wanted`; `nil`: none is.
    ///
    /// It goes on until it has found one or there is no more; who does not want to wait so long cancels the task.
    ///
    /// - Parameter place: behind which it looks; `nil`: from the list's beginning.
    /// - Returns: also the place behind the entry. In the other order the entry itself is the first behind it.
    public func find(
        _ wanted: FilterExpression, in query: JournalQuery, behind place: String? = nil
    ) async throws -> (entry: JournalEntry, end: String)? {
        var query = query
        query.wanted = wanted
        var place = place
        while true {
            let window = try await self.journal(query, window: JournalRequest(behind: place, count: 1))
            if let entry = window.rows.first { return (entry, window.end) }
            if window.isComplete { return nil }
            try Task.checkCancellation()
            place = window.end
        }
    }
}
