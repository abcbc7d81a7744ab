import Mail
import Monitor

/// View 1: how mail flows, what needs a look, where it goes.
extension Screen {
    func paintOverview(_ painter: inout Painter, _ area: Rect) {
        guard let overview = self.node.overview else {
            painter.empty([self.node.trouble ?? "reading"], in: area)
            return
        }
        if area.width < 70 || area.height < 15 {
            // One list where there is no room for more.
            switch self.node.overviewPane {
            case .attention where !overview.attention.isEmpty: self.paintAttention(overview, &painter, area)
            case .facts: self.paintFacts(&painter, area)
            case .attention, .destinations: self.paintDestinations(overview, &painter, area)
            }
            return
        }
        let flowHeight = area.height >= 23 ? 8 : 7
        let side = max(31, area.width * 2 / 5)
        let flow = Rect(x: 0, y: area.y, width: area.width - side, height: flowHeight)
        self.paintFlow(overview, &painter, flow)
        self.paintAttention(
            overview, &painter, Rect(x: flow.maxX, y: area.y, width: side, height: flowHeight))
        let rest = area.below(flowHeight)
        let wanted = 3 + max(1, overview.destinations.count + (overview.moreDestinations > 0 ? 1 : 0))
        let height = min(max(4, wanted), max(5, rest.height * 55 / 100))
        self.paintDestinations(overview, &painter, rest.top(height))
        self.paintFacts(&painter, rest.below(height))
    }

    private func paintFlow(_ overview: Overview, _ painter: inout Painter, _ area: Rect) {
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
            painter.runs(
                [
                    Run("in all   ", .base), Run(Format.count(totals.received), .title), Run(" received ", .muted),
                    Run(Format.count(totals.relayed), .title), Run(" relayed ", .muted),
                    Run(Format.count(totals.bounced + totals.expired), .title), Run(" returned", .muted),
                ], x: inner.x + 1, y: inner.y + 5, columns: inner.width - 2)
        }
    }

    private func paintAttention(_ overview: Overview, _ painter: inout Painter, _ area: Rect) {
        let isFocused = self.node.overviewPane == .attention
        let count = overview.attention.count
        let inner = painter.box(
            area, title: count > 0 ? "Needs attention (\(count))" : "Needs attention", isFocused: isFocused)
        guard count > 0 else {
            painter.runs(
                [Run(painter.glyph(.ok) + " ", .ok), Run("all is well", .muted)], x: inner.x + 1, y: inner.y,
                columns: inner.width - 2)
            return
        }
        let cursor = min(self.node.overviewRow[.attention] ?? 0, count - 1)
        let top = max(0, min(cursor - inner.height + 1, count - inner.height))
        for (line, index) in (top..<min(count, top + inner.height)).enumerated() {
            let attention = overview.attention[index]
            let row = inner.row(line)
            let number = attention.count.map(Format.count) ?? ""
            let room = row.width - 2 - (number.isEmpty ? 0 : number.count + 1)
            painter.runs(
                [
                    Run(painter.glyph(attention.severity.glyph) + " ", attention.severity.role),
                    Run(attention.subject + " ", .title), Run(attention.words, .muted),
                ], x: row.x + 1, y: row.y, columns: room)
            painter.textRight(number, x: row.x + 1, y: row.y, columns: row.width - 2, role: .base)
            if isFocused, index == cursor { painter.select(row) }
        }
    }

    private func paintDestinations(_ overview: Overview, _ painter: inout Painter, _ area: Rect) {
        let isFocused = self.node.overviewPane == .destinations
        let inner = painter.box(
            area, title: "Queue by destination and age", right: area.width >= 70 ? "minutes; Enter filters" : "",
            isFocused: isFocused)
        guard inner.height > 0 else { return }
        guard !overview.destinations.isEmpty else {
            self.paintNothingQueued(overview, &painter, inner)
            return
        }
        let table = Self.destinationColumns(inner.width - 2)
        painter.header(table, in: inner.row(0).inset(1, 0), descending: true)
        let height = inner.height - 1
        let count = overview.destinations.count
        let cursor = min(self.node.overviewRow[.destinations] ?? 0, count - 1)
        let top = max(0, min(cursor - height + 1, count - height))
        for (line, index) in (top..<min(count, top + height)).enumerated() {
            let destination = overview.destinations[index]
            let row = inner.row(1 + line)
            painter.row(
                self.destinationCells(destination, table, painter), of: table, in: row.inset(1, 0))
            if isFocused, index == cursor { painter.select(row) }
        }
        if overview.moreDestinations > 0, count < height {
            painter.text(
                "and \(Format.plural(overview.moreDestinations, "more destination"))", x: inner.x + 1,
                y: inner.y + 1 + count, columns: inner.width - 2, role: .muted)
        }
    }

    private static let ageTitles = ["<5", "<10", "<20", "<40", "<80", "<160", "<320", "<640", "<1280", "older"]

    private static func destinationColumns(_ width: Int) -> [TableColumn] {
        var table = [
            TableColumn("DESTINATION", 12, share: 1), TableColumn("STATE", 10), TableColumn("TOTAL", 6, isRight: true),
        ]
        // The most telling ages first when not all fit.
        let fit = max(0, (width - 45) / 6)
        let titles =
            fit >= 10
            ? Self.ageTitles : ["<5", "<20", "<80", "<320", "<1280", "older"].suffix(max(0, min(6, (width - 38) / 6)))
        table += titles.map { TableColumn($0, 5, isRight: true) }
        return table
    }

    private func destinationCells(
        _ destination: DestinationAges, _ table: [TableColumn], _ painter: Painter
    ) -> [Run] {
        let all = table.count == Self.ageTitles.count + 3
        return table.map { column in
            switch column.title {
            case "DESTINATION":
                let node =
                    self.nodeListening(on: destination.destination).map { self.nodes[$0].entry.name + "  " } ?? ""
                let name = node + destination.destination
                return Run(destination.reason.map { "\(name)  \($0)" } ?? name)
            case "STATE":
                let until = destination.until.map { " " + Format.span(milliseconds: $0.since(self.now)) } ?? ""
                let word =
                    destination.condition == .backoff && !until.isEmpty ? "wait" + until : destination.condition.word
                return Run("\(painter.glyph(destination.condition.glyph)) \(word)", destination.condition.role)
            case "TOTAL": return Run(Format.count(destination.total), .title)
            default:
                guard let index = Self.ageTitles.firstIndex(of: column.title) else { return Run("") }
                // Without all columns each takes the one before it along.
                var value = destination.ages.columns[index]
                if !all, index > 0, index < 9 { value += destination.ages.columns[index - 1] }
                if value == 0 { return Run(painter.sign("·", "."), .graphGrid) }
                return Run("\(value)", index >= 6 ? .graphHigh : .graphLow)
            }
        }
    }

    private func paintNothingQueued(_ overview: Overview, _ painter: inout Painter, _ area: Rect) {
        var lines = ["the queue is empty"]
        if !overview.listening.isEmpty { lines.append("send mail to \(overview.listening.joined(separator: " or "))") }
        painter.empty(lines, in: area)
    }

    private func paintFacts(_ painter: inout Painter, _ area: Rect) {
        guard area.height >= 3 else { return }
        let isFocused = self.node.overviewPane == .facts
        let inner = painter.box(area, title: "Newest", right: "Enter opens", isFocused: isFocused)
        let facts = Array(self.node.facts.reversed())
        guard !facts.isEmpty else {
            painter.text("nothing has happened yet", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        let cursor = min(self.node.overviewRow[.facts] ?? 0, facts.count - 1)
        let top = isFocused ? max(0, min(cursor - inner.height + 1, facts.count - inner.height)) : 0
        for (line, index) in (top..<min(facts.count, top + inner.height)).enumerated() {
            let row = inner.row(line)
            painter.runs(self.factRuns(facts[index], painter), x: row.x + 1, y: row.y, columns: row.width - 2)
            if isFocused, index == cursor { painter.select(row) }
        }
    }

    private func factRuns(_ fact: FactRow, _ painter: Painter) -> [Run] {
        let arrow = painter.sign("→", "->")
        var runs: [Run] = [
            Run(Format.clock(fact.at) + " ", .muted),
            Run("\(painter.glyph(fact.kind.glyph)) \(fact.kind.rawValue.padded(8)) ", fact.kind.role),
            Run(fact.message.padded(10) + " ", .title),
        ]
        if let from = fact.from { runs.append(Run(Self.address(from) + " ", .muted)) }
        if let to = fact.to { runs += [Run("\(arrow) ", .muted), Run(Self.address(to) + " ")] }
        if let hop = fact.nextHop { runs.append(Run(" \(hop) ", .muted)) }
        if let text = fact.text { runs.append(Run(" \(text)", .base)) }
        if let octets = fact.contentOctets { runs.append(Run(" \(Format.octetsLong(octets))", .muted)) }
        if let took = fact.milliseconds { runs.append(Run("  \(Format.took(milliseconds: took))", .muted)) }
        return runs
    }
}
