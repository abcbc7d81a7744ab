import Foundation
import GRDB
import Mail
package import Monitor
package import Spool

/// One search through the blocks, from a place on, until the window is full or its time is over.
struct JournalSearch {
    private let plan: SearchPlan
    private let query: JournalQuery
    private let runs: JournalRuns
    private let node: String
    private let count: Int
    private let deadline: ContinuousClock.Instant?

    struct Found {
        var entries: [(number: Int64, fact: Fact, session: SessionRef?)] = []
        /// Entries in front of the place where it ended.
        var end: Int64
        var isComplete = false
        var reached: Timestamp?
    }
    private var found: Found

    /// - Parameters:
    ///   - place: entries in front of the place where it begins.
    ///   - deadline: `nil`: it goes on to the end.
    init(
        _ query: JournalQuery, from place: Int64, count: Int, runs: JournalRuns, node: String, at now: Timestamp,
        deadline: ContinuousClock.Instant?
    ) {
        self.plan = SearchPlan(query, at: now)
        self.query = query
        self.count = count
        self.runs = runs
        self.node = node
        self.deadline = deadline
        self.found = Found(end: place)
    }

    mutating func run(_ db: Database) throws -> Found {
        guard self.count > 0 else { return self.found }
        let blocks = try self.blocks(db)
        while let block = try blocks.next() {
            let first: Int64 = block["first"]
            let count: Int64 = block["count"]
            let kinds = UInt32(truncatingIfNeeded: block["kinds"] as Int64)
            let mayMatch = try block.withUnsafeData(named: "grams") { grams in
                guard let grams else { return true }
                return grams.withUnsafeBytes { self.plan.mayMatch($0, kinds: kinds) }
            }
            if mayMatch, try self.look(into: first, db) { return self.found }
            self.passed(self.query.newestFirst ? first - 1 : first + count - 1)
            self.found.reached = Timestamp(milliseconds: block[self.query.newestFirst ? "earliest" : "latest"])
            if let deadline = self.deadline, ContinuousClock.now > deadline { return self.found }
        }
        self.found.isComplete = true
        return self.found
    }

    private mutating func passed(_ place: Int64) {
        self.found.end = self.query.newestFirst ? min(self.found.end, place) : max(self.found.end, place)
    }

    /// Those blocks on which the query's time and kinds shed no doubt.
    private func blocks(_ db: Database) throws -> RowCursor {
        // By their numbers alone no more blocks are looked at than have to be.
        let condition =
            self.query.newestFirst ? "first <= ?1" : "first > ?1 - \(Block.entriesAtMost) AND first + count - 1 > ?1"
        return try Row.fetchCursor(
            db,
            sql: """
                SELECT * FROM blocks WHERE \(condition) AND latest >= ?2 AND earliest < ?3 AND kinds & ?4 != 0
                ORDER BY first \(self.query.newestFirst ? "DESC" : "ASC")
                """,
            arguments: [
                self.found.end, self.plan.range.lowerBound.milliseconds, self.plan.range.upperBound.milliseconds,
                Int64(self.plan.kinds),
            ])
    }

    /// - Returns: whether the window is full.
    private mutating func look(into first: Int64, _ db: Database) throws -> Bool {
        // It may have been pruned meanwhile.
        let octets = try Data.fetchOne(
            db.cachedStatement(sql: "SELECT octets FROM entries WHERE first = ?"), arguments: [first])
        guard let octets else { return false }
        return octets.withUnsafeBytes { octets in
            guard self.plan.mayMatch(anyOf: octets, areSmall: false) else { return false }
            let small = [UInt8](unsafeUninitializedCapacity: octets.count) { small, count in
                for place in octets.indices { small[place] = folded(octets[place]) }
                count = octets.count
            }
            return small.withUnsafeBytes { small in
                guard self.plan.mayMatch(anyOf: small, areSmall: true) else { return false }
                return self.look(first, octets, small)
            }
        }
    }

    private mutating func look(
        _ first: Int64, _ octets: UnsafeRawBufferPointer, _ small: UnsafeRawBufferPointer
    ) -> Bool {
        var entries: [PackedEntries.Entry] = []
        var place = 0
        while let entry = PackedEntries.Entry(octets, at: place) {
            entries.append(entry)
            place = entry.end
        }
        let start = self.found.end
        for index in self.query.newestFirst ? Array(entries.indices.reversed()) : Array(entries.indices) {
            let number = first + Int64(index)
            guard self.query.newestFirst ? number <= start : number > start else { continue }
            let entry = entries[index]
            if self.plan.mayMatch(entry, in: small), let fact = entry.fact(octets) {
                let isHere = fact.namesSession(of: self.node)
                let session = isHere ? self.runs.ref(fact.session, at: fact.at) : nil
                if self.plan.matches(JournalEntry(number, fact, session, node: self.node)) {
                    self.found.entries.append((number, fact, session))
                }
            }
            if self.found.entries.count == self.count {
                self.passed(self.query.newestFirst ? number - 1 : number)
                self.found.reached = entry.at
                return true
            }
        }
        return false
    }
}

extension JournalEntry {
    init(_ number: Int64, _ fact: Fact, _ session: SessionRef?, node: String) {
        let arrival = fact.arrival
        self.init(
            ref: JournalRef(node: node, number: number), fact: FactRow(fact, session: session),
            messageID: fact.messageID, subject: fact.subject.map(MessageHeader.subject), peer: arrival?.peer,
            hello: arrival?.hello, with: arrival.flatMap { $0.with.isEmpty ? nil : $0.with }, user: arrival?.user,
            security: fact.security ?? (arrival?.peer == nil ? nil : SessionSecurity(tls: arrival?.tls)))
    }
}

extension FactRow {
    /// - Parameter session: as whoever watches knows it.
    package init(_ fact: Fact, session: SessionRef?) {
        self.init(
            at: fact.at, kind: fact.kind, message: fact.message?.description, from: fact.from,
            recipient: fact.recipient, to: fact.to, nextHop: fact.nextHop, remoteID: fact.remoteID,
            text: fact.text ?? fact.arrival.map { $0.peer ?? $0.with }, session: session, actor: fact.actor,
            contentOctets: fact.contentOctets, milliseconds: fact.milliseconds, saidBy: fact.saidBy)
    }
}
