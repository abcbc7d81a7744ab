import Mail
import Monitor

/// What is known of a session, above its dialogue.
struct SessionHeader {
    let row: ConnectionRow
    let now: Timestamp

    func paint(_ painter: inout Painter, _ area: Rect, follows: Bool) {
        let row = self.row
        var runs: [Run] = [
            Run(row.direction == .inbound ? "from " : "to ", .muted), Run(row.peerWords, .title),
        ]
        runs.append(
            row.ended.map { Run("   ended after \(Format.took(milliseconds: $0.since(row.started)))", .muted) }
                ?? Run("   live, \(row.phaseWords)", .active))
        if let message = row.message { runs += [Run("   message ", .muted), Run(message)] }
        if let remark = row.remark { runs.append(Run("   \(remark)", .muted)) }
        let follow = follows ? " FOLLOWS " : ""
        let end = area.maxX - 2 - follow.count
        painter.runs(runs, x: area.x + 2, y: area.y, columns: end - area.x - 3)
        painter.text(follow, x: end, y: area.y, columns: follow.count, role: .follow)
    }

    /// TLS, who logged in, messages and octets.
    func paintFacts(_ painter: inout Painter, _ area: Rect) {
        let row = self.row
        var facts = [row.tls.map { "TLS \($0)" } ?? "in the clear"]
        if let user = row.user { facts.append("as \(user)") }
        facts.append(Format.plural(row.messages, "message"))
        if row.octetsIn + row.octetsOut > 0 {
            facts.append("\(Format.octetsLong(row.octetsIn)) in, \(Format.octetsLong(row.octetsOut)) out")
        }
        painter.text(
            facts.joined(separator: "   "), x: area.x + 2, y: area.y, columns: area.width - 4, role: .muted)
    }

    /// How far the content of the transaction under way is.
    func paintProgress(_ painter: inout Painter, _ area: Rect) {
        guard let share = self.row.contentShare, let octets = self.row.contentOctets else { return }
        let words =
            "content: \(Format.count(self.row.contentOctetsDone)) of \(Format.count(octets)) octets, \(Int(share * 100))%  "
            + (self.row.rateWords(self.now).map { "\($0)  " } ?? "")
        let end = painter.text(words, x: area.x + 28, y: area.y, columns: area.width - 29, role: .active)
        painter.bar(share, x: end, y: area.y, columns: min(24, area.maxX - end - 2), role: .active)
    }
}
