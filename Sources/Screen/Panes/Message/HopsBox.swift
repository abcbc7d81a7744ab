import Mail
import Monitor
import SMTP

/// The way of one recipient of a message, and how far the attempt under way is.
struct HopsBox {
    let way: Way
    let progress: DeliveryProgress?
    let now: Timestamp

    /// - Returns: how many rows it took.
    func paint(_ painter: inout Painter, _ area: Rect) -> Int {
        let boxes = painter.isPlain ? [] : self.way.boxes(columns: area.width - 4, painter.glyphs)
        let hasBoxes = !boxes.isEmpty && boxes.count <= (area.height - 6) / 2
        let lines = hasBoxes ? [] : self.way.lines(columns: area.width - 4, painter.glyphs)
        let count = min(lines.count, max(1, (area.height - 6) / 3))
        // Nothing stands below hosts of which nothing is told.
        let rows = hasBoxes ? boxes.count : 2 * count - (lines[count - 1].hasNotes ? 0 : 1)
        let height = min(area.height, 2 + rows + (self.progress == nil ? 0 : 1))
        let legend = hasBoxes ? "c = claimed by a header, E = experienced" : "c = claimed by a header"
        let inner = painter.box(
            Rect(x: area.x, y: area.y, width: area.width, height: height), title: "Hops",
            right: area.width >= 70 ? legend : "")
        for (index, row) in boxes.enumerated() where hasBoxes {
            painter.runs(row, x: inner.x + 1, y: inner.y + index, columns: inner.width - 2)
        }
        for (index, line) in lines.prefix(count).enumerated() {
            painter.runs(line.path, x: inner.x + 1, y: inner.y + 2 * index, columns: inner.width - 2)
            guard 2 * index + 1 < rows else { continue }
            painter.runs(line.notes, x: inner.x + 1, y: inner.y + 2 * index + 1, columns: inner.width - 2)
        }
        if let progress = self.progress {
            let y = inner.y + rows
            let room = inner.width - 2
            let whole = progress.runs(painter.glyphs, self.now, hasTimes: true)
            // Where there is not room for all of them, how long each took is left out.
            let runs = whole.columns <= room ? whole : progress.runs(painter.glyphs, self.now, hasTimes: false)
            let end = painter.runs(runs, x: inner.x + 1, y: y, columns: room)
            if let share = progress.share, progress.flow == .content {
                painter.bar(share, x: end, y: y, columns: min(30, inner.maxX - end - 2), role: .active)
            }
        }
        return height
    }
}

extension DeliveryProgress {
    /// `connect 12ms ✔  TLS 31ms ✔  EHLO ✔  MAIL ✔  RCPT 20ms ✔  DATA 62% ▶  410K/s, 3s left`
    fileprivate func runs(_ glyphs: Glyphs, _ now: Timestamp, hasTimes: Bool) -> [Run] {
        let order = SessionPhase.allCases
        let current = order.firstIndex(of: self.flow) ?? 0
        var runs: [Run] = []
        for phase in Self.way {
            let place = order.firstIndex(of: phase) ?? 0
            let time = self.time(in: phase, now)
            if Self.optional.contains(phase), time == nil, place != current { continue }
            if place < current {
                let took = (hasTimes ? time : nil).map { Format.took(milliseconds: $0) + " " } ?? ""
                runs += [Run("\(phase.word) \(took)", .muted), Run(glyphs[.check] + "  ", .hopVerified)]
            } else if place == current || (phase == .content && self.flow == .data) {
                runs += [Run(self.words + " ", .active), Run(glyphs[.active] + "  ", .active)]
                // Content tells its rate instead of its time.
                let since = self.phases.map { Format.took(milliseconds: max(0, now.since($0.since))) }
                if let words = self.rateWords(now) ?? since { runs.append(Run(words + "  ", .active)) }
            } else if self.flow != .content {
                runs.append(Run(phase.word + " " + glyphs.sign("·", ".") + "  ", .hopPending))
            }
        }
        return runs
    }

    private static let way: [SessionPhase] = [.connect, .hello, .tls, .auth, .mail, .rcpt, .content, .finalReply]
    /// Sessions go without these.
    private static let optional: Set<SessionPhase> = [.tls, .auth]

    /// What stands under one word: connecting ends with the greeting, and DATA has its own reply.
    private func time(in phase: SessionPhase, _ now: Timestamp) -> Int64? {
        let parts: [SessionPhase] =
            switch phase {
            case .connect: [.connect, .greeting]
            case .content: [.data, .content]
            default: [phase]
            }
        let times = parts.compactMap { self.phases?.time(in: $0, now) }
        return times.isEmpty ? nil : times.reduce(0, +)
    }
}
