import Mail
import Monitor
import SMTP

/// View 3: sessions, in and out.
extension Screen {
    private func connectionColumns(_ width: Int) -> [TableColumn] {
        let sort = self.node.connectionQuery.sort
        var table = [
            TableColumn("SESSION", 9, isSorted: sort == .started),
            TableColumn("PEER", 12, share: 3, isSorted: sort == .peer),
        ]
        table.append(TableColumn("PHASE", 10, isSorted: sort == .phase))
        if width >= 60 { table.append(TableColumn("PROGRESS", 16, share: 1)) }
        if width >= 76 { table.append(TableColumn("MESSAGE", 11)) }
        table.append(TableColumn("MSGS", 5, isRight: true, isSorted: sort == .messages))
        table.append(TableColumn("IDLE", 5, isRight: true, isSorted: sort == .idle))
        if width >= 94 { table.append(TableColumn("AGE", 5, isRight: true)) }
        if width >= 110 { table.append(TableColumn("TLS", 7)) }
        return table
    }

    func paintConnections(_ painter: inout Painter, _ area: Rect) {
        let list = self.node.connections
        self.paintFilterLine(&painter, area.row(0), matched: list.matched, total: list.total, isLoaded: list.isLoaded)
        let kind = self.node.connectionQuery.includesEnded ? "live and ended (e)" : "live only (e)"
        let counts = self.node.overview.map { "\($0.sessionsIn) in  \($0.sessionsOut) out   " } ?? ""
        painter.textRight(counts + kind, x: 0, y: area.y, columns: area.width - 2, role: .muted)
        let inner = area.inset(1, 0)
        let table = self.connectionColumns(inner.width)
        painter.header(table, in: inner.row(1), descending: self.node.connectionQuery.descending)
        let rows = Rect(x: 0, y: area.y + 2, width: area.width, height: list.height)
        if list.matched == 0 {
            painter.empty(self.emptyConnections(isLoaded: list.isLoaded), in: rows)
        }
        for line in 0..<min(rows.height, max(0, list.matched - list.top)) {
            guard let row = list.row(list.top + line) else { continue }
            let place = inner.row(2 + line)
            painter.row(self.connectionCells(row, table, painter), of: table, in: place, offset: self.columnOffset)
            self.paintProgress(row, table, &painter, place)
            if list.top + line == list.cursor { painter.select(rows.row(line)) }
        }
    }

    private func emptyConnections(isLoaded: Bool) -> [String] {
        guard isLoaded else { return ["reading"] }
        if !self.node.connectionQuery.filter.matchesAll { return ["no session matches the filter", "f changes it"] }
        var lines = ["nobody is connected"]
        if let listening = self.node.overview?.listening, !listening.isEmpty {
            lines.append("listening on \(listening.joined(separator: ", "))")
        }
        if !self.node.connectionQuery.includesEnded { lines.append("e shows sessions that ended") }
        return lines
    }

    private func connectionCells(_ row: ConnectionRow, _ table: [TableColumn], _ painter: Painter) -> [Run] {
        table.map { column in
            switch column.title {
            case "SESSION": return Run(row.ref.id, row.ended == nil ? .title : .muted)
            case "PEER":
                let node = self.nodeListening(on: row.peer).map { self.nodes[$0].entry.name + " " } ?? ""
                return Run(node + row.peerWords, row.ended == nil ? .base : .muted)
            case "PHASE":
                let sign =
                    switch row.direction {
                    case .inbound: painter.sign("◂", "<")
                    case .outbound: painter.sign("▸", ">")
                    }
                return Run(
                    "\(sign) \(row.ended == nil ? row.flow.word : "ended")", row.ended == nil ? row.flow.role : .muted)
            case "PROGRESS":
                if row.ended != nil || row.remark != nil { return Run(row.remark ?? "", .muted) }
                return Run(Self.progressWords(row) ?? "", .active)
            case "MESSAGE": return Run(row.message ?? "", .muted)
            case "MSGS": return Run("\(row.messages)")
            case "IDLE":
                if row.ended != nil { return Run("-", .muted) }
                let idle = self.now.since(row.lastActivity)
                return Run(Format.age(milliseconds: idle), idle > 60_000 ? .limited : .muted)
            case "AGE": return Run(Format.age(milliseconds: (row.ended ?? self.now).since(row.started)), .muted)
            default: return Run(row.tls ?? "-", .muted)
            }
        }
    }

    private static func progressWords(_ row: ConnectionRow) -> String? {
        if row.phase == .rcpt, row.recipientsDone > 0 { return Format.plural(row.recipientsDone, "recipient") }
        return row.contentWords.map { row.contentShare == nil ? $0 : $0.padded(left: 4) }
    }

    private func paintProgress(_ row: ConnectionRow, _ table: [TableColumn], _ painter: inout Painter, _ place: Rect) {
        guard let share = row.contentShare,
            let cell = TableColumn.spread(table, over: place.width).first(where: { $0.column.title == "PROGRESS" })
        else { return }
        painter.bar(
            share, x: place.x + cell.x + 5, y: place.y, columns: min(24, cell.width - 5), role: .active)
    }
}
