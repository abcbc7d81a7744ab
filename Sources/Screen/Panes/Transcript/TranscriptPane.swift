import Mail
import Monitor

/// A session's dialogue: who said what, when, how long the answer took.
final class TranscriptPane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private let session: SessionRef
    private let part: TranscriptPart
    private var row: ConnectionRow?
    private var list = DialogueList()
    private var isGone = false
    /// The cursor has been put on the part that is wanted, or is moved by other means.
    private var isPlaced = false
    private var isHex = false

    private static let pageLines = 500

    init(_ session: SessionRef, _ part: TranscriptPart, node: Int, feed: any MonitorFeed) {
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
                    ] + row.direction.consequenceOfClosing.map { Dialog.Line([Run($0)]) }, verb: "close",
                    confirmed: [.deed(deed)]))
        ]
    }

    var name: String { "transcript" }
    var title: String { self.session.id }
    var areas: Set<FeedChange.Area> { [.transcripts, .connections] }
    var commands: [Command] { self.row?.ended == nil ? Self.commands : Self.commandsOfEnded }
    private static let commands: [Command] =
        [
            .back, .endSession, .follow, .nextError, .previousError, .nextSlow, .previousSlow, .expand, .clientSide,
            .serverSide, .diff, .pastSessions, .writeTranscript, .octets, .nextItem, .previousItem,
        ] + Command.scrolling
    /// What only a live session needs is told of last.
    private static var commandsOfEnded: [Command] {
        let live: [Command] = [.endSession, .follow]
        return Self.commands.filter { !live.contains($0) } + live
    }
    func note(_ around: Surroundings) -> String {
        let side = self.list.side.words
        return (side.isEmpty ? "" : "\(side), ") + Format.plural(self.list.lines.count, "line")
            + (self.list.elided > 0 ? ", \(Format.count(self.list.elided)) elided" : "")
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] { [self.readLines()] }

    func forget() {
        self.list.forget()
        self.isGone = false
    }

    private func readLines() -> Read {
        let feed = self.feed
        let session = self.session
        return Read(
            self.key("lines"),
            begin: {
                let end = self.list.end
                return { try await feed.transcript(session, from: end, count: Self.pageLines) }
            }, take: { page, around in self.take(page, around) })
    }

    private func take(_ page: TranscriptPage?, _ around: Surroundings) -> [Effect] {
        guard let page else {
            self.isGone = self.list.lines.isEmpty
            return []
        }
        // What goes on is followed, what is over read from the part that is wanted.
        if self.row == nil {
            self.list.follows = page.session.ended == nil && self.part.isOpen
            self.isPlaced = self.list.follows
        }
        self.row = page.session
        let goesOn = self.list.take(page)
        if !self.isPlaced, !goesOn {
            self.isPlaced = true
            // The part from its beginning, as far as the line to look at is still there.
            let place = self.part.place(in: self.list.lines)
            self.list.place(start: place.start, cursor: place.cursor)
        }
        self.layout(around)
        return goesOn ? [.read(self.readLines())] : []
    }

    // MARK: Keys

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .back: return [.back]
        case .follow: self.list.follows.toggle()
        case .endSession: return Self.askEnd(self.row, node: self.node)
        case .nextError: return self.list.goToError(1) ? [] : [.say("nothing was refused", .plain)]
        case .previousError: return self.list.goToError(-1) ? [] : [.say("nothing was refused", .plain)]
        case .nextSlow: return self.list.goToSlow(1) ? [] : [.say("no answer took longer than a second", .plain)]
        case .previousSlow: return self.list.goToSlow(-1) ? [] : [.say("no answer took longer than a second", .plain)]
        case .expand: self.list.expand()
        case .clientSide: self.list.show(.client)
        case .serverSide: self.list.show(.server)
        case .octets: self.isHex.toggle()
        case .diff: return self.compare(around)
        case .pastSessions: return [.read(self.readPast(around))]
        case .writeTranscript: return self.write(call.argument, around)
        case .nextItem: return [.openNeighbour(1)]
        case .previousItem: return [.openNeighbour(-1)]
        default: return nil
        }
        self.isPlaced = true
        return []
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        self.list.move(motion)
        self.isPlaced = true
    }

    func select(at place: Point, _ around: Surroundings) -> Bool {
        let line = place.y - around.body.y - Self.headRows(around)
        guard (0..<self.list.height).contains(line), self.list.rows.all.indices.contains(self.list.top + line) else {
            return false
        }
        self.move(.by(self.list.top + line - self.list.cursor), around)
        return true
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        self.list.search(search) ? [] : [search.failed]
    }

    private func write(_ path: String?, _ around: Surroundings) -> [Effect] {
        guard let row = self.row else { return [] }
        guard let path else { return [self.askWhere(.writeTranscript, self.session.id, ".txt")] }
        do {
            let text = try TranscriptFile.content(row, self.list.lines, elided: self.list.elided, at: path)
            return self.write(path, around) { FilePieces.text(text) }
        } catch {
            return [.say("\(error)", .failure)]
        }
    }

    // MARK: Sessions of before

    private func compare(_ around: Surroundings) -> [Effect] {
        guard let row = self.row else { return [] }
        return [
            .open(
                TranscriptDiffPane(
                    row, self.list.lines, at: self.list.selectedIndex, node: self.node, feed: self.feed))
        ]
    }

    /// Offers the sessions of before with the same host, the newest first.
    private func readPast(_ around: Surroundings) -> Read {
        let feed = self.feed
        return Read(
            self.key("past"), isInstead: true,
            begin: {
                guard let row = self.row else { return nil }
                return { try await feed.pastSessions(like: row) }
            },
            take: { (past: [PastSession], around) in
                guard !past.isEmpty else { return [.say("no other session like this one is known", .plain)] }
                let items = past.map { $0.item(around.now) }
                let menu = Menu(
                    title: "Sessions like \(self.session.id)", items: items, chosen: items[0],
                    taken: { item, around in
                        guard let index = items.firstIndex(of: item) else { return [] }
                        return Self.open(
                            TranscriptPart(session: past[index].ref), node: self.node, self.feed, around)
                    })
                return [.ask(menu)]
            }, failed: { [.say($0, .failure)] })
    }

    // MARK: Painting

    private static func detailRows(_ around: Surroundings) -> Int { around.body.height >= 15 ? 4 : 0 }
    private static func headRows(_ around: Surroundings) -> Int { around.body.height >= 15 ? 3 : 2 }
    /// The row that tells how far the content is.
    private var progressRows: Int { self.row?.contentShare == nil ? 0 : 1 }

    func layout(_ around: Surroundings) {
        self.list.fit(
            around.body.height - Self.headRows(around) - Self.detailRows(around) - self.progressRows)
    }

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        if self.isGone {
            let words =
                around.playback == nil
                ? "the dialogue of \(self.session.id) is no longer kept"
                : "the recording has no dialogue of \(self.session.id) at this time"
            painter.empty([words, around.sentence(.back, "goes back")], in: area)
            return
        }
        let head = Self.headRows(around)
        if let row = self.row {
            let header = SessionHeader(row: row, now: around.now)
            header.paint(&painter, area.row(0), follows: self.list.follows)
            if head > 2 { header.paintFacts(&painter, area.row(1)) }
        }
        painter.text(
            DialogueList.header(area.width), x: area.x, y: area.y + head - 1, columns: area.width, role: .header)
        let lines = area.below(head).top(self.list.height)
        self.list.paint(&painter, lines, around)
        if self.list.lines.isEmpty { painter.empty(["nothing was said yet"], in: lines) }
        if let row = self.row, self.progressRows > 0 {
            let under = lines.y + min(self.list.rows.all.count, lines.height)
            SessionHeader(row: row, now: around.now)
                .paintProgress(&painter, Rect(x: area.x, y: under, width: area.width, height: 1))
        }
        let detail = Self.detailRows(around)
        if detail > 0 {
            LineDetailBox(line: self.list.selected, isHex: self.isHex)
                .paint(&painter, Rect(x: area.x, y: area.maxY - detail, width: area.width, height: detail))
        }
    }
}

extension Command {
    static let follow = Command("follow", ["F"], "follow the newest", hint: "follow")
    static let nextError = Command("next-error", ["e"], "the next refusal: 4yz or 5yz", hint: "error")
    static let previousError = Command("previous-error", ["E"], "the refusal before")
    static let nextSlow = Command("next-slow", ["s"], "the next answer that took longer than a second", hint: "slow")
    static let previousSlow = Command("previous-slow", ["S"], "the slow answer before")
    static let expand = Command("expand", ["x"], "show long replies whole, or fold them", hint: "expand")
    static let clientSide = Command("client-side", ["<"], "only what the client says; again: both sides")
    static let serverSide = Command("server-side", [">"], "only what the server says; again: both sides")
    static let diff = Command(
        "diff", ["c"], "compare with the last good session of this kind: what was said otherwise, what was slower",
        hint: "compare")
    static let pastSessions = Command("sessions", ["a"], "other sessions with this host, or of this client")
    static let octets = Command("octets", ["X"], "the octets of the line, or its words")
    static let writeTranscript = Command(
        "write", ["w"], "write the dialogue to a file: text, or JSON where its name ends in .json", argument: "path")
}

extension PastSession {
    /// `08:50  out#8  550 5.1.1 no such user`, at most sixty characters.
    fileprivate func item(_ now: Timestamp) -> String {
        let words = SafeText("\(Format.moment(self.at, now))  \(self.ref.id)  \(self.words)")
        return words.window(columns: 60).description
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
