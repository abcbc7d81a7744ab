import Mail
import Monitor

/// A dialogue beside the last good one of its kind: what was said otherwise, and what was slower.
final class TranscriptDiffPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private let row: ConnectionRow
    private let lines: [TranscriptLine]
    /// A line of the transaction that is compared.
    private let place: Int
    private enum State {
        case reading
        case none
        case found(PastSession, TranscriptDiff)
    }
    private var state = State.reading
    private var isOnlyDifferent = false
    private var cursor = 0
    private var height = 1

    /// Lines of the other dialogue that are looked at: more than a node keeps.
    private static let linesRead = 10_000
    /// Sessions that are looked for one whose dialogue is still kept.
    private static let sessionsTried = 5

    init(_ row: ConnectionRow, _ lines: [TranscriptLine], at place: Int, node: Int, feed: any MonitorFeed) {
        self.row = row
        self.lines = lines
        self.place = place
        self.node = node
        self.feed = feed
    }

    var name: String { "comparison" }
    var title: String { "compared" }
    var areas: Set<FeedChange.Area> { [] }
    var commands: [Command] { [.back, .problems] }
    func note(_ around: Surroundings) -> String {
        self.isOnlyDifferent ? "differences only (\(around.label(of: .problems)))" : ""
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let (feed, row, lines, place) = (self.feed, self.row, self.lines, self.place)
        return [
            Read(
                self.key("diff"),
                begin: {
                    {
                        let good = try await feed.pastSessions(like: row).filter(\.isGood)
                        // What went well before tells what changed; else what went well since.
                        let earlier = good.filter { $0.at <= row.ended ?? $0.at }
                        let later = good.filter { !earlier.contains($0) }
                        for past in (earlier + later).prefix(Self.sessionsTried) {
                            let page = try await feed.transcript(past.ref, from: 0, count: Self.linesRead)
                            guard let page, !page.lines.isEmpty else { continue }
                            return (past, TranscriptDiff(lines, at: place, against: page.lines))
                        }
                        return nil
                    }
                },
                take: { (found: (PastSession, TranscriptDiff)?, around) in
                    self.state = found.map { .found($0.0, $0.1) } ?? .none
                    // Where to look first.
                    self.cursor = self.shown.firstIndex { $0.change != .same || $0.isSlower } ?? 0
                    self.layout(around)
                    return []
                })
        ]
    }

    private var shown: [TranscriptDiff.Row] {
        guard case .found(_, let diff) = self.state else { return [] }
        return self.isOnlyDifferent ? diff.rows.filter { $0.change != .same || $0.isSlower } : diff.rows
    }

    // MARK: Keys

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .problems:
            self.isOnlyDifferent.toggle()
            self.cursor = 0
            return []
        default: return nil
        }
    }
    func move(_ motion: Motion, _ around: Surroundings) {
        self.cursor = max(0, motion.target(from: self.cursor, count: self.shown.count, height: self.height))
    }
    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        guard let found = search.find(in: self.shown.map(\.text), from: self.cursor) else { return [search.failed] }
        self.cursor = found
        return []
    }
    func layout(_ around: Surroundings) {
        self.height = max(1, around.body.height - 2)
        self.cursor = max(0, min(self.cursor, self.shown.count - 1))
    }

    // MARK: Painting

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        switch self.state {
        case .reading: painter.empty(["looking for a good session with \(self.row.peerWords)"], in: area)
        case .none:
            painter.empty(
                [
                    "no good session with \(self.row.peerWords) is known to compare with",
                    around.sentence(.back, "goes back"),
                ], in: area)
        case .found(let past, let diff): self.paint(past, diff, &painter, area, around)
        }
    }

    private func paint(
        _ past: PastSession, _ diff: TranscriptDiff, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let counts = diff.counts
        let words =
            diff.isSame
            ? [Run("nothing was said otherwise, and nothing took longer", .ok)]
            : [
                Run("\(Format.plural(counts.otherwise, "line")) said otherwise", .title),
                Run(", \(Format.plural(counts.slower, "answer")) slower", counts.slower > 0 ? .slow : .muted),
            ]
        let age = Format.age(milliseconds: around.now.since(past.at))
        painter.runs(
            words + [
                Run("   against ", .muted), Run(past.ref.id), Run(" of \(age) ago: ", .muted), Run(reply: past.words),
            ], x: area.x + 2, y: area.y, columns: area.width - 4)
        painter.text(
            "       TOOK  BEFORE  D  LINE", x: area.x, y: area.y + 1, columns: area.width, role: .header)
        let rows = self.shown
        let top = max(0, min(self.cursor - self.height / 2, rows.count - self.height))
        for (line, index) in (top..<max(top, min(rows.count, top + self.height))).enumerated() {
            let place = area.row(2 + line)
            Self.paint(rows[index], &painter, place)
            if index == self.cursor { painter.select(place) }
        }
    }

    private static func paint(_ row: TranscriptDiff.Row, _ painter: inout Painter, _ area: Rect) {
        let (sign, role): (String, Role) =
            switch row.change {
            case .same: (" ", .muted)
            case .missing: ("-", .failed)
            case .added: ("+", .active)
            }
        painter.text(sign, x: area.x + 1, y: area.y, columns: 1, role: role)
        let mark = row.isSlower ? "!" : " "
        func took(_ time: Int64?) -> String { time.map(Format.took) ?? "" }
        painter.textRight(
            took(row.took) + mark, x: area.x + 3, y: area.y, columns: 9, role: row.isSlower ? .slow : .muted)
        painter.textRight(took(row.tookBefore), x: area.x + 12, y: area.y, columns: 7, role: .muted)
        painter.text(row.speaker.sign, x: area.x + 21, y: area.y, columns: 1, role: role)
        painter.text(
            SafeText(row.text), x: area.x + 24, y: area.y, columns: area.width - 25,
            role: row.change == .same ? .base : role)
    }
}
