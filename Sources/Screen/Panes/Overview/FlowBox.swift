import Mail
import Monitor

/// How mail flows: what came and went in the last minute, sessions, and how old the queue is.
struct FlowBox {
    let overview: Overview
    let now: Timestamp

    func paint(_ painter: inout Painter, _ area: Rect) {
        let overview = self.overview
        let inner = painter.box(area, title: "Flow", right: "last 60 s")
        let rows: [(String, [Int], Role, Int?)] = [
            ("received", overview.received, .graphIn, overview.receiveP95),
            ("relayed", overview.relayed, .graphOut, overview.relayP95),
            ("deferred", overview.deferred, .deferred, nil), ("bounced", overview.bounced, .bounced, nil),
        ]
        for (index, row) in rows.enumerated() where index < inner.height {
            let y = inner.y + index
            let sum = row.1.reduce(0, +)
            painter.text(row.0, x: inner.x + 1, y: y, columns: 9, role: .base)
            painter.textRight(Format.count(sum), x: inner.x + 10, y: y, columns: 7, role: sum == 0 ? .muted : .title)
            let latency = row.3.map { "p95 " + Format.took(milliseconds: Int64($0)) } ?? ""
            let room = inner.width - 19 - (inner.width >= 48 ? 11 : 0)
            painter.spark(row.1, x: inner.x + 18, y: y, columns: room, role: row.2)
            if inner.width >= 48 {
                painter.textRight(latency, x: inner.maxX - 11, y: y, columns: 10, role: .muted)
            }
        }
        let limit = overview.sessionsInLimit > 0 ? "/\(overview.sessionsInLimit)" : ""
        let oldest = overview.oldest.map { Format.age(milliseconds: self.now.since($0)) } ?? "-"
        let sessions: [Run] = [
            Run("sessions ", .base), Run("\(overview.sessionsIn)\(limit)", .title), Run(" in ", .muted),
            Run("\(overview.sessionsOut)", .title), Run(" out", .muted), Run("   oldest ", .muted), Run(oldest, .title),
        ]
        if inner.height > 4 { painter.runs(sessions, x: inner.x + 1, y: inner.y + 4, columns: inner.width - 2) }
        if inner.height > 5 {
            let totals = overview.totals
            let counts = [
                (totals.received, "received"), (totals.relayed, "relayed"), (totals.bounced, "bounced"),
                (totals.expired, "expired"),
            ]
            let words = counts.filter { $0.0 > 0 || $0.1 != "expired" }.flatMap { count, word in
                [Run(Format.count(count), .title), Run(" \(word) ", .muted)]
            }
            painter.runs([Run("in all   ", .base)] + words, x: inner.x + 1, y: inner.y + 5, columns: inner.width - 2)
        }
    }
}
