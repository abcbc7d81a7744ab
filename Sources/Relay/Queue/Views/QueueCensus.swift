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

    /// What goes to one destination.
    fileprivate struct Tally {
        var group = QueueCensus.Group()
        /// The reply that leads, and by how many (the majority vote of Boyer and Moore).
        var leading: (reply: Interner.Name, votes: Int) = (0, 0)
    }

    private var census: QueueCensus
    /// What goes nowhere, and then each destination by its index.
    private var tallies: [Tally]
    private var domains: [QueueCensus.Domain] = []
    /// Where a domain is, by the number that stands for it.
    private var places: [UInt64: Int] = [:]
    private var unrouted: Set<UInt64> = []
    private var unroutedExample: [UInt8]?

    /// - Parameters:
    ///   - destinations: as many as there are places for.
    ///   - newest: of them.
    init(at now: Timestamp, destinations: Int, newest: Int) {
        self.census = QueueCensus(made: .now(), at: now, newest: newest)
        self.tallies = Array(repeating: Tally(), count: destinations + 1)
    }

    /// A part of the queue at a time: to hand the index over costs more than to count a recipient.
    func add(_ slots: Range<Int>, of index: QueueIndex) {
        for slot in slots where index.ids[slot] != 0 {
            let arrived = Timestamp(milliseconds: index.arrived[slot])
            let column = AgeCounts.column(minutes: self.census.at.since(arrived) / 60_000)
            if self.census.oldest.map({ arrived < $0 }) ?? true { self.census.oldest = arrived }
            var row = index.firstRow[slot]
            while row >= 0 {
                if !index.states[Int(row)].isSettled { self.add(row, arrived, column, of: index) }
                row = index.nextRow[Int(row)]
            }
        }
    }

    private func add(_ row: QueueIndex.Row, _ arrived: Timestamp, _ column: Int, of index: QueueIndex) {
        let destination = index.destinations[Int(row)]
        let isDeferred = index.states[Int(row)] == .deferred
        let place = Int(destination) + 1
        // One that came up since the count began is counted in the next.
        if place < self.tallies.count {
            self.tallies[place].group.add(column, arrived: arrived, isDeferred: isDeferred)
            if isDeferred, destination >= 0 { self.tallies[place].vote(index.replies[Int(row)]) }
        }
        if let domain = self.place(ofDomain: row, of: index) {
            self.domains[domain].destination = destination >= 0 ? destination : nil
            self.domains[domain].group.add(column, arrived: arrived, isDeferred: isDeferred)
        }
        if isDeferred { self.census.failures.add(row, of: index) }
        if destination < 0 { self.addUnrouted(row, of: index) }
    }

    /// - Returns: `nil` where there are too many domains already.
    private func place(ofDomain row: QueueIndex.Row, of index: QueueIndex) -> Int? {
        if let known = self.places[index.domains[Int(row)]] { return known }
        guard self.domains.count < Self.domainsLimit else { return nil }
        let name = index.text.routedDomain(index.toText[Int(row)])
        self.domains.append(QueueCensus.Domain(name: String(decoding: name, as: UTF8.self)))
        self.places[index.domains[Int(row)]] = self.domains.count - 1
        return self.domains.count - 1
    }

    private func addUnrouted(_ row: QueueIndex.Row, of index: QueueIndex) {
        guard self.unrouted.count < Self.domainsLimit, self.unrouted.insert(index.domains[Int(row)]).inserted else {
            return
        }
        let name = index.text.routedDomain(index.toText[Int(row)])
        if self.unroutedExample.map({ name.lexicographicallyPrecedes($0) }) ?? true { self.unroutedExample = name }
    }

    func census(_ index: QueueIndex) -> QueueCensus {
        let domains = self.domains.map { (total: $0.group.ages.total, domain: $0) }
        self.census.largestDomains = domains.sorted { ($1.total, $0.domain.name) < ($0.total, $1.domain.name) }
            .prefix(Self.domainsShown).map(\.domain)
        for (place, tally) in self.tallies.enumerated() where tally.group.oldest != nil {
            var group = tally.group
            group.reply = index.string(tally.leading.reply)
            self.census.byDestination[QueueIndex.DestinationIndex(place - 1)] = group
        }
        self.census.unroutedDomains = (
            self.unrouted.count, self.unroutedExample.map { String(decoding: $0, as: UTF8.self) }
        )
        return self.census
    }
}

extension QueueCount.Tally {
    fileprivate mutating func vote(_ reply: Interner.Name) {
        if self.leading.votes == 0 { self.leading.reply = reply }
        self.leading.votes += self.leading.reply == reply ? 1 : -1
    }
}

extension QueueCensus.Group {
    fileprivate mutating func add(_ column: Int, arrived: Timestamp, isDeferred: Bool) {
        self.ages.add(column: column)
        if self.oldest.map({ arrived < $0 }) ?? true { self.oldest = arrived }
        if isDeferred { self.deferred += 1 }
    }
}
