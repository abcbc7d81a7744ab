import Mail
import Monitor

/// Counts deferred recipients by what was said of them, in one walk over the queue. Remote hosts choose the words, so it is
/// bounded: what comes when there are too many groups is counted in none.
struct FailureCount: Sendable {
    /// One group's.
    struct Group: Sendable {
        /// A reply of it.
        let example: String
        let domain: String
        var deferred = 0
        /// Of domains, not all where there are very many.
        var domains: Set<UInt64> = []
        /// Seconds since 1970; 0: since before the node started.
        var since: UInt32
    }
    private static let groupsLimit = 10_000
    private static let domainsLimit = 1000

    private(set) var groups: [QueueIndex.FailureMark: Group] = [:]
    private(set) var others = 0
    /// What was added last: neighbours in the queue often go to the same domain.
    private var last: (mark: QueueIndex.FailureMark, domain: UInt64) = (0, 0)

    /// - Parameter row: of a deferred recipient.
    mutating func add(_ row: QueueIndex.Row, of index: QueueIndex) {
        let mark = index.failureMark(row)
        guard mark != 0, let place = self.place(of: mark, row, index) else {
            self.others += 1
            return
        }
        self.groups.values[place].deferred += 1
        self.groups.values[place].since = min(self.groups.values[place].since, index.failingSince[Int(row)])
        let domain = index.domains[Int(row)]
        guard self.last != (mark, domain) else { return }
        self.last = (mark, domain)
        if self.groups.values[place].domains.count < Self.domainsLimit {
            self.groups.values[place].domains.insert(domain)
        }
    }

    /// - Returns: `nil` where there are too many groups already.
    private mutating func place(
        of mark: QueueIndex.FailureMark, _ row: QueueIndex.Row, _ index: QueueIndex
    ) -> Dictionary<QueueIndex.FailureMark, Group>.Index? {
        if let known = self.groups.index(forKey: mark) { return known }
        guard self.groups.count < Self.groupsLimit, let reply = index.reply(row) else { return nil }
        self.groups[mark] = Group(
            example: reply,
            domain: String(decoding: index.text.routedDomain(index.toText[Int(row)]), as: UTF8.self),
            since: index.failingSince[Int(row)])
        return self.groups.index(forKey: mark)
    }

    /// With what bounced lately.
    func failures(_ bounces: RecentBounces, at now: Timestamp) -> Failures {
        var all = self.groups.mapValues { group in
            FailureGroup(
                ReplyFingerprint(of: group.example), example: group.example, deferred: group.deferred,
                domains: group.domains.count, hasMoreDomains: group.domains.count >= Self.domainsLimit,
                domain: group.domain,
                since: group.since == 0 ? nil : Timestamp(milliseconds: Int64(group.since) * 1000))
        }
        for (mark, bounced) in bounces.counts(at: now) {
            var group = all[mark] ?? FailureGroup(ReplyFingerprint(of: bounced.example), example: bounced.example)
            group.bounced = bounced.recipients
            group.expired = bounced.expired > 0 ? bounced.expired : nil
            all[mark] = group
        }
        return Failures(Array(all.values), otherDeferred: self.others)
    }
}
