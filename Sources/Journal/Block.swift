import Mail
package import Spool

/// Some hundred entries in one row: the newest block is written anew until it is full, an older one never changes.
package struct Block: Sendable {
    static let entriesAtMost = 512

    /// The number of its first entry.
    let first: Int64
    private(set) var entries = PackedEntries()
    private(set) var grams = GramFilter()
    /// When the earliest and the latest of them happened; clocks may go back.
    private(set) var earliest = Timestamp(milliseconds: .max)
    private(set) var latest = Timestamp(milliseconds: .min)
    /// The kinds that it has, of ``PackedEntries/bit(of:)``.
    private(set) var kinds: UInt32 = 0

    package init(first: Int64) { self.first = first }
    /// As it was written.
    init(
        first: Int64, entries: PackedEntries, grams: GramFilter, earliest: Timestamp, latest: Timestamp, kinds: UInt32
    ) {
        self.first = first
        self.entries = entries
        self.grams = grams
        self.earliest = earliest
        self.latest = latest
        self.kinds = kinds
    }

    package var isFull: Bool { self.entries.count >= Self.entriesAtMost }
    var isEmpty: Bool { self.entries.count == 0 }
    /// The number of the entry behind its last.
    package var next: Int64 { self.first + Int64(self.entries.count) }

    package mutating func append(_ fact: Fact) { _ = self.append(SharedFact(fact: fact), from: 0) }

    /// Takes of the row's facts those from `place` on, as many as there is room for.
    ///
    /// - Returns: the place behind them.
    mutating func append(_ row: SharedFact, from place: Int) -> Int {
        let end = min(row.count, place + Self.entriesAtMost - self.entries.count)
        self.entries.append(row, place..<end, &self.grams)
        self.earliest = min(self.earliest, row.fact.at)
        self.latest = max(self.latest, row.fact.at)
        self.kinds |= PackedEntries.bit(of: row.fact.kind)
        return end
    }
}
