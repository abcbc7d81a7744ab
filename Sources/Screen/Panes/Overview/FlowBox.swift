import Mail
import Monitor

/// How mail flows: what came and went in the last minute, sessions, how old the queue is, and what the disk does.
struct FlowBox {
    let overview: Overview
    let now: Timestamp

    /// The columns inside from which on percentiles have room: one, and both.
    private static let columnsForOne = 48
    private static let columnsForBoth = 64

    func paint(_ painter: inout Painter, _ area: Rect) {
        let inner = painter.box(area, title: "Flow", right: "last 60 s")
        let overview = self.overview
        let rates: [(word: String, counts: [Int], role: Role, times: (Int?, Int?))] = [
            ("received", overview.received, .graphIn, (overview.receiveP50, overview.receiveP95)),
            ("relayed", overview.relayed, .graphOut, (overview.relayP50, overview.relayP95)),
            ("deferred", overview.deferred, .deferred, (nil, nil)), ("bounced", overview.bounced, .bounced, (nil, nil)),
        ]
        for (index, rate) in rates.enumerated() where index < inner.height {
            let y = inner.y + index
            let sum = rate.counts.reduce(0, +)
            painter.text(rate.word, x: inner.x + 1, y: y, columns: 9, role: .base)
            painter.textRight(
                Format.count(sum, columns: 7), x: inner.x + 10, y: y, columns: 7, role: sum == 0 ? .muted : .title)
            let percentiles = Self.percentiles(rate.times, inner.width)
            let columns = inner.width - 19 - percentiles.columns
            painter.spark(
                self.summed(rate.counts, in: columns), x: inner.x + 18, y: y, columns: columns, role: rate.role)
            painter.textRight(
                percentiles.words, x: inner.maxX - percentiles.columns, y: y, columns: percentiles.columns - 1,
                role: .muted)
        }
        for (index, runs) in self.lines(columns: inner.width - 2, hasAges: inner.height > 6).enumerated()
        where 4 + index < inner.height {
            painter.runs(runs, x: inner.x + 1, y: inner.y + 4 + index, columns: inner.width - 2)
        }
    }

    /// The counts of seconds, of as many of them in one as all have room in so many columns.
    ///
    /// The seconds of one bar stay together from one second to the next, so that bars move, and do not flicker.
    private func summed(_ counts: [Int], in columns: Int) -> [Int] {
        // One more than fits where the first and the last bar are not whole.
        let step = counts.count <= columns ? 1 : (counts.count - 2) / max(1, columns - 1) + 1
        guard step > 1 else { return counts }
        let newest = Int(self.overview.at.milliseconds / 1000)
        let groups = Dictionary(grouping: counts.indices) { (newest - (counts.count - 1 - $0)) / step }
        // Of a bar that is not whole yet it is told how high it will be.
        return groups.sorted { $0.key < $1.key }.map { _, seconds in
            seconds.reduce(0) { $0 + counts[$1] } * step / seconds.count
        }
    }

    /// How long it took half of all, and 95 of 100, as far as there is room for it.
    private static func percentiles(_ times: (Int?, Int?), _ width: Int) -> (words: String, columns: Int) {
        guard width >= Self.columnsForOne else { return ("", 0) }
        let p95 = times.1.map { "p95 " + Format.took(milliseconds: Int64($0)) } ?? ""
        guard width >= Self.columnsForBoth else { return (p95, 11) }
        let p50 = times.0.map { "p50 " + Format.took(milliseconds: Int64($0)) } ?? ""
        return (p50 + p95.padded(left: 11), 22)
    }

    /// What stands below the rates.
    private func lines(columns: Int, hasAges: Bool) -> [[Run]] {
        let overview = self.overview
        let limit = overview.sessionsInLimit > 0 ? "/\(overview.sessionsInLimit)" : ""
        let oldest = overview.oldest.map { Format.age(milliseconds: self.now.since($0)) } ?? "-"
        var sessions: [Run] = [
            Run("sessions ", .base), Run("\(overview.sessionsIn)\(limit)", .title), Run(" in ", .muted),
            Run("\(overview.sessionsOut)", .title), Run(" out", .muted),
        ]
        if !hasAges { sessions += [Run("   oldest ", .muted), Run(oldest, .title)] }
        let totals = overview.totals
        let counts = [
            (totals.received, "received"), (totals.relayed, "relayed"), (totals.bounced, "bounced"),
            (totals.expired, "expired"),
        ]
        let words = counts.filter { $0.0 > 0 || $0.1 != "expired" }.flatMap { count, word in
            [Run(Format.count(count), .title), Run(" \(word) ", .muted)]
        }
        var ages = [Run("age      ", .base), Run("oldest ", .muted), Run(oldest, .title)]
        for (share, words) in [(0.5, "half"), (0.95, "95%")] {
            guard let bound = self.age(of: share) else { continue }
            ages.append(Run("   \(words) \(bound)", .muted))
        }
        let disk = overview.durability.map { [Self.durability($0, columns: columns)] } ?? []
        return [sessions, [Run("in all   ", .base)] + words, ages] + disk
    }

    /// `under 20m`: what so much of the queue is younger than, as far as the columns of ages tell.
    private func age(of share: Double) -> String? {
        let counts = self.overview.destinations.reduce(into: AgeCounts().columns) { sums, row in
            for (place, count) in row.ages.columns.enumerated() { sums[place] += count }
        }
        let all = counts.reduce(0, +)
        guard all > 0 else { return nil }
        var younger = 0
        for (count, bound) in zip(counts, AgeCounts.bounds) {
            younger += count
            if Double(younger) >= share * Double(all) {
                return "under \(Format.span(milliseconds: Int64(bound) * 60_000))"
            }
        }
        return "older than \(Format.span(milliseconds: Int64(AgeCounts.bounds.last ?? 0) * 60_000))"
    }

    /// `disk 12 syncs/s of 3.4   250 p50 3ms p99 12ms   31 GiB free   0 B in memory`, as many of these as have room.
    private static func durability(_ durability: Overview.Durability, columns: Int) -> [Run] {
        var syncs = [Run("disk     ", .base), Run(Format.decimal(durability.syncs), .title), Run(" syncs/s", .muted)]
        if let batch = durability.batch { syncs += [Run(" of ", .muted), Run(Format.decimal(batch), .title)] }
        let times = [("p50", durability.replyP50), ("p99", durability.replyP99)].compactMap { word, time in
            time.map { "\(word) \(Format.took(milliseconds: Int64($0)))" }
        }
        let parts: [[Run]] = [
            times.isEmpty ? [] : [Run("   250 ", .muted), Run(times.joined(separator: " "))],
            durability.freeOctets.map { [Run("   \(Format.octetsLong($0))"), Run(" free", .muted)] } ?? [],
            [Run("   \(Format.octetsLong(durability.pendingOctets))"), Run(" in memory", .muted)],
        ]
        return parts.reduce(syncs) { $0.columns + $1.columns <= columns ? $0 + $1 : $0 }
    }
}
