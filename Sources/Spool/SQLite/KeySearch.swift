import GRDB

/// Finds the keys of a table that may be damaged: from both ends, and between damaged pages.
struct KeySearch {
    /// A probe is two descents into the table. Where only a damaged page is left they would halve its keys for ever.
    private static let probes = 300
    /// Keys of a damaged page may come in any order, or again and again.
    private static let disorder = 1000

    /// Keys between `low` and `high`, both of which are known.
    struct Gap {
        var low: Int64
        var high: Int64
    }

    let db: Database
    let table: String
    /// Has an index, or is the table's own key.
    let column: String
    private(set) var keys: Set<Int64> = []

    init(_ db: Database, _ table: String, _ column: String) {
        self.db = db
        self.table = table
        self.column = column
    }

    /// Reads up to the damage, and down to it.
    ///
    /// - Returns: where more may be hidden; `nil`: all was read.
    mutating func search(_ gap: Gap) throws -> Gap? {
        guard let low = try self.walk(gap, up: true), let high = try self.walk(gap, up: false), low < high else {
            return nil
        }
        return Gap(low: low, high: high)
    }

    /// Looks for sound pages between damaged ones.
    mutating func probe(_ gap: Gap) throws {
        var gaps = [gap]
        for number in 0..<Self.probes {
            guard number < gaps.count else { return }
            let gap = gaps[number]
            let (width, overflow) = gap.high.subtractingReportingOverflow(gap.low)
            guard !overflow, width > 2 else { continue }
            let middle = gap.low + width / 2
            if let high = try self.walk(Gap(low: gap.low, high: middle + 1), up: false) {
                gaps.append(Gap(low: gap.low, high: high))
            }
            if let low = try self.walk(Gap(low: middle, high: gap.high), up: true) {
                gaps.append(Gap(low: low, high: gap.high))
            }
        }
    }

    /// - Returns: the last key before the damage, or the end that it began from; `nil`: the other end was reached.
    private mutating func walk(_ gap: Gap, up: Bool) throws -> Int64? {
        var last = up ? gap.low : gap.high
        var disorder = 0
        do {
            let rows = try Row.fetchCursor(
                self.db,
                sql: """
                    SELECT \(self.column) FROM \(self.table) WHERE \(self.column) > ? AND \(self.column) < ?
                    ORDER BY \(self.column) \(up ? "ASC" : "DESC")
                    """, arguments: [gap.low, gap.high])
            while let row = try rows.next() {
                guard let key: Int64 = row.checkedIfPresent(self.column) else { continue }
                if up ? key < last : key > last { disorder += 1 }
                guard disorder < Self.disorder else { return last }
                guard key > gap.low, key < gap.high else { continue }
                self.keys.insert(key)
                last = key
            }
            return nil
        } catch let error as DatabaseError where error.isDamage { return last }
    }
}
