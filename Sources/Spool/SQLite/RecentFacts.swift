import NIOConcurrencyHelpers
import NIOCore

/// The newest facts as they were written. Whoever follows them (the journal, the log) is handed these, instead of each reading
/// them back from the database: that took a twentieth of all that a message costs.
final class RecentFacts: Sendable {
    /// A row of the facts.
    struct Row: Sendable {
        /// The sequence of its last fact.
        let last: Int64
        let fact: SharedFact
        init(last: Int64, _ fact: SharedFact) {
            self.last = last
            self.fact = fact
        }
    }

    private struct Window {
        /// In order, and none is missing between two of them.
        var rows = CircularBuffer<Row>()
        /// Facts of all rows.
        var count = 0
        /// What all rows weigh.
        var weight = 0
    }
    /// What a row weighs, beside its recipients behind the first, each of which weighs 1: they share its texts.
    private static let rowWeight = 10
    private let window = NIOLockedValueBox(Window())
    private let limit: Int

    /// - Parameter limit: the rows that are kept, fewer where they are of many recipients. The journal looks twice in a second,
    ///   in which a relay at its fastest writes 12,000; 10,000 take some 7 MB.
    init(limit: Int) { self.limit = limit * Self.rowWeight }

    /// - Parameter rows: those of a transaction, now that it is committed.
    func append(_ rows: [Row]) {
        guard !rows.isEmpty else { return }
        self.window.withLockedValue { window in
            for row in rows {
                window.rows.append(row)
                window.count += row.fact.count
                window.weight += Self.weight(of: row)
            }
            while window.weight > self.limit, let oldest = window.rows.popFirst() {
                window.count -= oldest.fact.count
                window.weight -= Self.weight(of: oldest)
            }
        }
    }

    private static func weight(of row: Row) -> Int { self.rowWeight + row.fact.others.count }

    func forgetAll() { self.window.withLockedValue { $0 = Window() } }

    /// - Returns: at most `count` facts in order, behind `start`, and the sequence of the last of them, `start` where there are
    ///   none; `nil` where the database has to be asked.
    func facts(after start: Int64, count: Int) -> (rows: [SharedFact], end: Int64)? {
        self.window.withLockedValue { window in
            guard let first = window.rows.first, let last = window.rows.last,
                first.last - Int64(first.fact.count) <= start, start <= last.last
            else { return nil }
            // The writer waits meanwhile: of each row its texts are retained, and nothing is made of them.
            var rows: [SharedFact] = []
            var end = start
            var left = count
            var index = window.rows.firstIndex(behind: start)
            while index < window.rows.endIndex, left > 0 {
                let row = window.rows[index]
                // A reader may have stopped in the midst of a row.
                let known = max(Int(start - row.last) + row.fact.count, 0)
                let taken = min(row.fact.count - known, left)
                rows.append(row.fact.part(known..<known + taken))
                end = row.last - Int64(row.fact.count - known - taken)
                left -= taken
                index = window.rows.index(after: index)
            }
            return (rows, end)
        }
    }

    /// - Returns: the newest `count` facts, oldest first; `nil` where the database has to be asked.
    func newest(count: Int) -> (rows: [SharedFact], end: Int64)? {
        let end = self.window.withLockedValue { $0.count >= count ? $0.rows.last?.last : nil }
        return end.flatMap { self.facts(after: $0 - Int64(count), count: count) }
    }
}

extension CircularBuffer<RecentFacts.Row> {
    /// The first row that has a fact behind this one; rows are in order.
    fileprivate func firstIndex(behind sequence: Int64) -> Index {
        var (low, high) = (0, self.count)
        while low < high {
            let middle = (low + high) / 2
            if self[self.index(self.startIndex, offsetBy: middle)].last > sequence {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return self.index(self.startIndex, offsetBy: low)
    }
}

extension PlacedFact {
    /// The facts of a row, in order.
    static func all(of row: RecentFacts.Row) -> [PlacedFact] {
        let first = row.last - Int64(row.fact.others.count)
        return zip(first...row.last, row.fact.each).map(PlacedFact.init)
    }
}
