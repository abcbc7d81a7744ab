import Mail
import Monitor

/// A session's dialogue: who said what, when, how long the answer took.
final class TranscriptPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private let session: SessionRef
    private let part: TranscriptPart
    private var row: ConnectionRow?
    private var lines: [TranscriptLine] = []
    /// The number after the last line that was read.
    private var end = 0
    private var elided = 0
    private var isGone = false
    private var cursor = 0
    private var top = 0
    /// The cursor stays on the newest line.
    private var follows = false
    /// The cursor has been put on the part that is wanted, or is moved by other means.
    private var isPlaced = false
    private var height = 1

    /// Lines kept at most.
    private static let limit = 10_000
    private static let pageLines = 500
    /// An answer that took longer is marked.
    private static let slowMilliseconds: Int64 = 1000

    private init(_ session: SessionRef, _ part: TranscriptPart, node: Int, feed: any MonitorFeed) {
        self.session = session
        self.part = part
        self.node = node
        self.feed = feed
    }

    /// Opens a dialogue, or says why there is none.
    static func open(
        _ part: TranscriptPart, node: Int, _ feed: any MonitorFeed, _ around: Surroundings
    ) -> [Effect] {
        guard around.nodes[node].capabilities?.areas.contains(.transcripts) != false else {
            return [.say("this feed keeps no transcripts", .warning)]
        }
        guard let session = part.session else {
            return [.say(part.absence, .plain)]
        }
        return [.open(TranscriptPane(session, part, node: node, feed: feed))]
    }

    /// Asks whether a session is to end.
    static func askEnd(_ row: ConnectionRow?, node: Int) -> [Effect] {
        guard let row, row.ended == nil else { return [.say("that session has ended already", .plain)] }
        let session = row.ref
        let deed = Deed(
            node: node, words: "close", work: { [try await $0.close(session)] },
            report: { receipts in
                guard receipts.allSatisfy({ $0.done == 0 }) else { return ("closed \(session.id)", .ok) }
                let why = receipts.flatMap(\.skipped.keys).map(\.words).sorted()
                return ((["\(session.id) was not closed"] + why).joined(separator: ": "), .warning)
            })
        return [
            .ask(
                Dialog(
                    title: "Close \(session.id)?",
                    lines: [
                        [Run(row.peer, .prompt), Run("  at \(row.ref.node)", .muted)], [],
                    ] + row.direction.consequenceOfClosing.map { [Run($0)] }, verb: "close", confirmed: [.deed(deed)]))
        ]
    }

    var name: String { "transcript" }
    var title: String { self.session.id }
    var areas: Set<FeedChange.Area> { [.transcripts, .connections] }
    var commands: [Command] { Self.commands }
    private static let commands: [Command] = [.back, .endSession, .follow]
    func note(_ around: Surroundings) -> String {
        Format.plural(self.lines.count, "line") + (self.elided > 0 ? ", \(Format.count(self.elided)) elided" : "")
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] { [self.readLines()] }

    func forget() {
        self.lines = []
        self.end = 0
        self.isGone = false
    }

    private func readLines() -> Read {
        let feed = self.feed
        let session = self.session
        return Read(
            self.key("lines"),
            begin: {
                let end = self.end
                return { try await feed.transcript(session, from: end, count: Self.pageLines) }
            }, take: { page, around in self.take(page, around) })
    }

    private func take(_ page: TranscriptPage?, _ around: Surroundings) -> [Effect] {
        guard let page else {
            self.isGone = self.lines.isEmpty
            return []
        }
        // What goes on is followed, what is over read from the part that is wanted.
        if self.row == nil {
            self.follows = page.session.ended == nil && self.part.isOpen
            self.isPlaced = self.follows
        }
        let known = self.lines.last?.number ?? -1
        self.lines += page.lines.filter { $0.number > known }
        let surplus = max(0, self.lines.count - Self.limit)
        self.lines.removeFirst(surplus)
        self.cursor = max(0, self.cursor - surplus)
        self.row = page.session
        self.elided = page.elided
        let before = self.end
        self.end = page.lines.last.map { $0.number + 1 } ?? page.end
        let isWhole = self.end >= page.end || self.end == before
        if self.follows { self.cursor = max(0, self.lines.count - 1) }
        if !self.isPlaced, isWhole {
            self.isPlaced = true
            let place = self.part.place(in: self.lines)
            self.cursor = place.cursor
            // The part from its beginning, as far as the line to look at is still there.
            self.top = max(place.start, place.cursor - self.height + 1)
        }
        self.layout(around)
        return isWhole ? [] : [.read(self.readLines())]
    }

    // MARK: Keys

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .follow:
            self.follows.toggle()
            if self.follows { self.cursor = max(0, self.lines.count - 1) }
            return []
        case .endSession: return Self.askEnd(self.row, node: self.node)
        default: return nil
        }
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        self.cursor = max(0, motion.target(from: self.cursor, count: self.lines.count, height: self.height))
        self.follows = self.follows && self.cursor == self.lines.count - 1
        self.isPlaced = true
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        guard let found = search.find(in: self.lines.map(\.text), from: self.cursor) else { return [search.failed] }
        self.cursor = found
        self.follows = false
        return []
    }

    // MARK: Painting

    private static func detailRows(_ around: Surroundings) -> Int { around.body.height >= 15 ? 4 : 0 }

    func layout(_ around: Surroundings) {
        self.height = max(1, around.body.height - 2 - Self.detailRows(around))
        self.cursor = max(0, min(self.cursor, self.lines.count - 1))
        if self.cursor < self.top { self.top = self.cursor }
        if self.cursor >= self.top + self.height { self.top = self.cursor - self.height + 1 }
        self.top = max(0, min(self.top, self.lines.count - self.height))
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        if self.isGone {
            let words =
                around.playback == nil
                ? "the dialogue of \(self.session.id) is no longer kept"
                : "the recording has no dialogue of \(self.session.id) at this time"
            painter.empty([words, "Esc goes back"], in: area)
            return
        }
        self.paintSession(&painter, area.row(0))
        painter.text("  TIME         DELTA   D  LINE", x: area.x, y: area.y + 1, columns: area.width, role: .header)
        for index in self.top..<max(self.top, min(self.lines.count, self.top + self.height)) {
            let row = area.row(2 + index - self.top)
            self.paintLine(index, &painter, row, around)
            if index == self.cursor { painter.select(row) }
        }
        if self.lines.isEmpty { painter.empty(["nothing was said yet"], in: area.below(2)) }
        let detail = Self.detailRows(around)
        if detail > 0 {
            self.paintDetail(&painter, Rect(x: area.x, y: area.maxY - detail, width: area.width, height: detail))
        }
    }

    private func paintSession(_ painter: inout Painter, _ area: Rect) {
        guard let row = self.row else { return }
        var runs: [Run] = [
            Run(row.direction == .inbound ? "from " : "to ", .muted), Run(row.peerWords, .title),
        ]
        runs.append(
            row.ended.map { Run("   ended after \(Format.took(milliseconds: $0.since(row.started)))", .muted) }
                ?? Run("   live, \(row.phaseWords)", .active))
        if let message = row.message { runs += [Run("   message ", .muted), Run(message)] }
        if let tls = row.tls { runs.append(Run("   \(tls)", .muted)) }
        if let remark = row.remark { runs.append(Run("   \(remark)", .muted)) }
        let follow = self.follows ? " FOLLOWS " : ""
        let end = area.maxX - 2 - follow.count
        painter.runs(runs, x: area.x + 2, y: area.y, columns: end - area.x - 3)
        painter.text(follow, x: end, y: area.y, columns: follow.count, role: .follow)
    }

    private func paintLine(_ index: Int, _ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let line = self.lines[index]
        let before = index > 0 ? self.lines[index - 1] : nil
        let delta = before.map { line.at.since($0.at) }
        let isSlow = line.speaker == .server && (delta ?? 0) > Self.slowMilliseconds
        var x = area.x + 2
        x = painter.text(Format.clockFine(line.at), x: x, y: area.y, columns: 12, role: .muted) + 1
        let words = delta.map { Format.delta(milliseconds: $0) } ?? "-"
        painter.textRight(words + (isSlow ? "!" : " "), x: x, y: area.y, columns: 7, role: isSlow ? .slow : .muted)
        x += 8
        painter.text(line.speaker.sign, x: x, y: area.y, columns: 1, role: line.role)
        // Lines that were dropped between this and the one before are told.
        if let before, line.number > before.number + 1 {
            painter.text(painter.sign("⋯", "..."), x: area.x, y: area.y, columns: 2, role: .limited)
        }
        let text = SafeText(line.text)
        let word = around.searchWord
        let isMatch = !word.isEmpty && line.text.lowercased().contains(word.lowercased())
        painter.text(
            around.columnOffset > 0 ? text.window(from: around.columnOffset, columns: 1000) : text, x: x + 3,
            y: area.y, columns: area.maxX - x - 4, role: isMatch ? .match : line.role)
    }

    private func paintDetail(_ painter: inout Painter, _ area: Rect) {
        guard self.lines.indices.contains(self.cursor) else {
            painter.box(area, title: "")
            return
        }
        let line = self.lines[self.cursor]
        let inner = painter.box(area, title: "line \(line.number + 1)  \(line.speaker.words)")
        for (row, text) in SafeText(line.text).wrapped(inner.width - 2).prefix(inner.height).enumerated() {
            painter.text(text, x: inner.x + 1, y: inner.y + row, columns: inner.width - 2, role: line.role)
        }
    }
}

extension Command {
    static let follow = Command("follow", ["F"], "follow the newest", hint: "follow")
}

extension TranscriptLine {
    /// A refusal has a colour of its own, whoever says it.
    fileprivate var role: Role {
        switch self.severity {
        case "4": return .deferred
        case "5": return .failed
        default: break
        }
        return switch self.speaker {
        case .client: .client
        case .server: .server
        case .relay: .meta
        }
    }
}

extension TranscriptLine.Speaker {
    fileprivate var sign: String {
        switch self {
        case .client: "C"
        case .server: "S"
        case .relay: "*"
        }
    }
    fileprivate var words: String {
        switch self {
        case .client: "client says"
        case .server: "server says"
        case .relay: "remark"
        }
    }
}

extension ConnectionRow.Direction {
    /// What becomes of mail when a session ends at once.
    fileprivate var consequenceOfClosing: [String] {
        switch self {
        case .inbound:
            [
                "The session ends at once. A message that is not whole yet is",
                "not kept: the client still has it, and may send it again.",
            ]
        case .outbound:
            [
                "The session ends at once. Its message stays queued;",
                "a reply on its way is lost, so a copy may go twice.",
            ]
        }
    }
}
