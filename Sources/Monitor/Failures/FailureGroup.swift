public import Mail

/// Recipients to whose delivery hosts said the same: deferred now, or bounced lately.
public struct FailureGroup: Hashable, Sendable, Codable {
    public var fingerprint: ReplyFingerprint
    /// One of the replies, as it came.
    public var example: String
    /// Recipients that are deferred now, of which this is the last reply.
    public var deferred: Int
    /// Recipients that bounced or expired with it within the last hour, or since the node started.
    public var bounced: Int
    /// Those of ``bounced`` that expired, with this as their last reply; `nil`: none did.
    public var expired: Int?
    /// Domains of the deferred recipients.
    public var domains: Int
    /// There may be more domains than are told.
    public var hasMoreDomains: Bool
    /// One of these domains.
    public var domain: String?
    /// Since when one of the deferred recipients has got no other reply; `nil`: since before the node started, or none is.
    public var since: Timestamp?
    /// The filter that shows the deferred recipients in the queue, and no others; `nil`: there are none.
    public var door: FilterExpression?
    public init(
        _ fingerprint: ReplyFingerprint, example: String, deferred: Int = 0, bounced: Int = 0, expired: Int? = nil,
        domains: Int = 0, hasMoreDomains: Bool = false, domain: String? = nil, since: Timestamp? = nil
    ) {
        self.fingerprint = fingerprint
        self.example = example
        self.deferred = deferred
        self.bounced = bounced
        self.expired = expired
        self.domains = domains
        self.hasMoreDomains = hasMoreDomains
        self.domain = domain
        self.since = since
        self.door =
            deferred == 0
            ? nil : FilterExpression([(.state, ":", RecipientState.deferred.word), (.failure, "=", fingerprint.text)])
    }

    public var recipients: Int { self.deferred + self.bounced }
}

/// What goes wrong, by what hosts say.
public struct Failures: Hashable, Sendable, Codable {
    /// Those with most recipients, most first.
    public var groups: [FailureGroup]
    /// Groups beyond those.
    public var moreGroups: Int
    /// Deferred recipients that are in none of `groups`.
    public var otherDeferred: Int
    public init(groups: [FailureGroup] = [], moreGroups: Int = 0, otherDeferred: Int = 0) {
        self.groups = groups
        self.moreGroups = moreGroups
        self.otherDeferred = otherDeferred
    }
    private static let shown = 20

    /// - Parameters:
    ///   - all: in any order, and of one fingerprint once.
    ///   - otherDeferred: recipients that are in none of them.
    public init(_ all: [FailureGroup], otherDeferred: Int) {
        let ranked = all.sorted {
            ($1.recipients, $0.fingerprint.text) < ($0.recipients, $1.fingerprint.text)
        }
        self.init(
            groups: Array(ranked.prefix(Self.shown)), moreGroups: max(ranked.count - Self.shown, 0),
            otherDeferred: otherDeferred + ranked.dropFirst(Self.shown).reduce(0) { $0 + $1.deferred })
    }

    /// Several nodes' as one.
    init(joining all: [Failures]) {
        let groups = Dictionary(grouping: all.flatMap(\.groups), by: \.fingerprint).values.compactMap { some in
            some.first.map { first in
                some.dropFirst().reduce(into: first) { $0.add($1) }
            }
        }
        self.init(groups, otherDeferred: all.reduce(0) { $0 + $1.otherDeferred })
        self.moreGroups += all.map(\.moreGroups).max() ?? 0
    }
}

extension FailureGroup {
    /// Adds another node's: some of its domains may be the same.
    fileprivate mutating func add(_ other: FailureGroup) {
        if other.deferred > 0 {
            self.since =
                self.deferred == 0 ? other.since : self.since.flatMap { since in other.since.map { min(since, $0) } }
            self.hasMoreDomains =
                self.hasMoreDomains || other.hasMoreDomains
                || self.deferred > 0 && !(self.domains == 1 && other.domains == 1 && self.domain == other.domain)
            self.domains = max(self.domains, other.domains)
            self.domain = self.domain ?? other.domain
        }
        self.deferred += other.deferred
        self.bounced += other.bounced
        if let expired = other.expired { self.expired = (self.expired ?? 0) + expired }
        self.door = self.door ?? other.door
    }
}
