import Mail
import Monitor
import NIOCore

/// What a walk over the whole queue counted: unsettled recipients by where they go, and how long they are here.
struct QueueCensus: Sendable {
    /// One destination's.
    struct Group: Sendable {
        var ages = AgeCounts()
        var deferred = 0
        /// The reply that most of the deferred ones had last, if most of them had the same, else one of those.
        var reply: String?
        /// When the first of its messages came.
        var oldest: Timestamp?
    }
    /// One domain's, with its name and where the last of its mail that was counted goes; `nil`: nowhere.
    struct Domain: Sendable {
        var name: String
        var group = Group()
        var destination: QueueIndex.DestinationIndex?
    }
    /// When the walk began; `nil` before the first. A clock that jumps makes it no fresher.
    var made: NIODeadline?
    var at = Timestamp(milliseconds: 0)
    var byDestination: [QueueIndex.DestinationIndex: Group] = [:]
    /// The domains that most of it is for, those with the most first.
    var largestDomains: [Domain] = []
    /// The newest destination when the walk began.
    var newest = 0
    var oldest: Timestamp?
    /// Domains that no route takes.
    var unroutedDomains: (count: Int, example: String?) = (0, nil)
    var failures = FailureCount()
}

/// A count under way; a reference, so that the scan's closure can add to it.
final class QueueCount {
    /// Domains beyond this many are not told apart; a set of them all could be as large as the queue.
    private static let domainsLimit = 10_000
    private static let domainsShown = 200

    private var census: QueueCensus
    private var domains: Set<[UInt8]> = []
    /// By a number that stands for the domain.
    private var byDomain: [UInt64: QueueCensus.Domain] = [:]
    /// The reply that leads at each destination, and by how many (the majority vote of Boyer and Moore).
    private var leading: [QueueIndex.DestinationIndex: (reply: Interner.Name, votes: Int)] = [:]

    init(at now: Timestamp, newest: Int) { self.census = QueueCensus(made: .now(), at: now, newest: newest) }

    func add(_ row: QueueIndex.Row, arrived: Timestamp, of index: QueueIndex) {
        let destination = index.destinations[Int(row)]
        let minutes = self.census.at.since(arrived) / 60_000
        let isDeferred = index.states[Int(row)] == .deferred
        self.census.byDestination[destination, default: QueueCensus.Group()].add(
            minutes: minutes, arrived: arrived, isDeferred: isDeferred)
        self.add(row, minutes: minutes, arrived: arrived, isDeferred: isDeferred, of: index)
        if isDeferred { self.census.failures.add(row, of: index) }
        if isDeferred, destination >= 0 { self.vote(index.replies[Int(row)], of: destination) }
        if destination < 0, self.domains.count < Self.domainsLimit {
            self.domains.insert(index.text.routedDomain(index.toText[Int(row)]))
        }
        if self.census.oldest.map({ arrived < $0 }) ?? true { self.census.oldest = arrived }
    }

    private func add(
        _ row: QueueIndex.Row, minutes: Int64, arrived: Timestamp, isDeferred: Bool, of index: QueueIndex
    ) {
        let text = index.toText[Int(row)]
        let key = index.text.routedDomainHash(text)
        if self.byDomain[key] == nil {
            guard self.byDomain.count < Self.domainsLimit else { return }
            let name = String(decoding: index.text.routedDomain(text), as: UTF8.self)
            self.byDomain[key] = QueueCensus.Domain(name: name)
        }
        let destination = index.destinations[Int(row)]
        self.byDomain[key]?.add(
            to: destination >= 0 ? destination : nil, minutes: minutes, arrived: arrived, isDeferred: isDeferred)
    }

    private func vote(_ reply: Interner.Name, of destination: QueueIndex.DestinationIndex) {
        var vote = self.leading[destination] ?? (reply, 0)
        if vote.votes == 0 { vote.reply = reply }
        vote.votes += vote.reply == reply ? 1 : -1
        self.leading[destination] = vote
    }

    func census(_ index: QueueIndex) -> QueueCensus {
        let domains = self.byDomain.values.map { (total: $0.group.ages.total, domain: $0) }
        self.census.largestDomains = domains.sorted { ($1.total, $0.domain.name) < ($0.total, $1.domain.name) }
            .prefix(Self.domainsShown).map(\.domain)
        for (destination, vote) in self.leading {
            self.census.byDestination[destination]?.reply = index.string(vote.reply)
        }
        let example = self.domains.min { $0.lexicographicallyPrecedes($1) }
        self.census.unroutedDomains = (self.domains.count, example.map { String(decoding: $0, as: UTF8.self) })
        return self.census
    }
}

extension QueueCensus.Domain {
    fileprivate mutating func add(
        to destination: QueueIndex.DestinationIndex?, minutes: Int64, arrived: Timestamp, isDeferred: Bool
    ) {
        self.destination = destination
        self.group.add(minutes: minutes, arrived: arrived, isDeferred: isDeferred)
    }
}

extension QueueCensus.Group {
    fileprivate mutating func add(minutes: Int64, arrived: Timestamp, isDeferred: Bool) {
        self.ages.add(minutes: minutes)
        if self.oldest.map({ arrived < $0 }) ?? true { self.oldest = arrived }
        if isDeferred { self.deferred += 1 }
    }
}
