import Mail
import Monitor
import SMTP

/// The way of one recipient of a message, and how far the attempt under way is.
struct HopsBox {
    let way: Way
    let progress: DeliveryProgress?

    /// - Returns: how many rows it took.
    func paint(_ painter: inout Painter, _ area: Rect) -> Int {
        let lines = self.way.lines(columns: area.width - 4, painter.glyphs)
        let count = min(lines.count, max(1, (area.height - 6) / 3))
        let height = min(area.height, 2 + 2 * count + (self.progress == nil ? 0 : 1))
        let inner = painter.box(
            Rect(x: area.x, y: area.y, width: area.width, height: height), title: "Hops",
            right: area.width >= 70 ? "c = claimed by a header" : "")
        for (index, line) in lines.prefix(count).enumerated() {
            painter.runs(line.path, x: inner.x + 1, y: inner.y + 2 * index, columns: inner.width - 2)
            painter.runs(line.notes, x: inner.x + 1, y: inner.y + 2 * index + 1, columns: inner.width - 2)
        }
        if let progress = self.progress {
            let y = inner.y + 2 * count
            let end = painter.runs(
                progress.phases(painter.glyphs), x: inner.x + 1, y: y, columns: inner.width - 2)
            if let share = progress.share, progress.flow == .content {
                painter.bar(share, x: end, y: y, columns: min(30, inner.maxX - end - 2), role: .active)
            }
        }
        return height
    }
}

extension DeliveryProgress {
    /// `connect ✔ EHLO ✔ MAIL ✔ RCPT ✔ DATA 62%`
    fileprivate func phases(_ glyphs: Glyphs) -> [Run] {
        let way: [SessionPhase] = [.connect, .hello, .mail, .rcpt, .content, .finalReply]
        let order: [SessionPhase] = [
            .connect, .greeting, .hello, .tls, .auth, .idle, .mail, .rcpt, .data, .content, .finalReply, .quit, .closed,
        ]
        let now = order.firstIndex(of: self.flow) ?? 0
        var runs: [Run] = []
        for phase in way {
            let place = order.firstIndex(of: phase) ?? 0
            if place < now {
                runs += [Run(phase.word + " ", .muted), Run(glyphs[.check] + "  ", .hopVerified)]
            } else if place == now || (phase == .content && self.flow == .data) {
                runs += [Run(self.words + " ", .active), Run(glyphs[.active] + "  ", .active)]
            } else if self.flow != .content {
                runs.append(Run(phase.word + " " + glyphs.sign("·", ".") + "  ", .hopPending))
            }
        }
        return runs
    }
}
