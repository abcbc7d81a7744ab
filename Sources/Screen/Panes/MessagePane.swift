import Mail
import Monitor
import SMTP

/// A message: its way, its recipients, what was tried.
final class MessagePane: Pane {
    let node: Int
    private let feed: any MonitorFeed
    private let id: String
    /// The name of the node that has it; `nil`: whichever does.
    private let owner: String?
    private var detail: MessageDetail?
    /// The feed knows nothing of it.
    private var isGone = false
    private enum Part { case recipients, attempts }
    private var part = Part.recipients
    private var recipient = 0
    private var attempt = 0
    /// The operator has not moved, so the cursor goes where the trouble is.
    private var isUntouched = true
    /// Indexes of tagged recipients.
    private var tagged: Set<Int> = []
    private var text: MessageText?
    /// What other nodes know of it further on.
    private var joined: [JoinKey: MessageDetail] = [:]
    /// Messages of other nodes that are asked for at most.
    private static let joinsKept = 32

    init(_ id: String, of owner: String? = nil, node: Int, feed: any MonitorFeed) {
        self.id = id
        self.owner = owner
        self.node = node
        self.feed = feed
    }

    var name: String { "message" }
    var title: String { self.id }
    var areas: Set<FeedChange.Area> { [.queue, .facts] }
    var showsOtherNodes: Bool { true }
    var commands: [Command] { Self.commands }
    private static let commands: [Command] = [
        .open, .back, .tag, .retry, .hold, .drop, .bounce, .release, .transcript, .header, .ticket, .write, .raw,
        .untag, .untagAll,
        .nextItem, .previousItem,
    ]

    private var chosenRecipient: RecipientDetail? {
        self.detail.flatMap { $0.recipients.indices.contains(self.recipient) ? $0.recipients[self.recipient] : nil }
    }

    // MARK: Reading

    func reads(_ around: Surroundings) -> [Read] {
        let feed = self.feed
        let id = self.id
        let ref = self.owner.map { MessageRef(node: $0, id: id, generation: 0) }
        return [
            Read(
                self.key("message"),
                begin: { { if let ref { try await feed.message(ref) } else { try await feed.message(id) } } },
                take: { detail, around in self.take(detail, around) })
        ]
    }

    private func take(_ detail: MessageDetail?, _ around: Surroundings) -> [Effect] {
        self.isGone = detail == nil
        guard let detail else { return [] }
        self.detail = detail
        if self.isUntouched {
            let worst = detail.recipients.map(\.state.unhappiness).max()
            self.recipient = detail.recipients.firstIndex { $0.state.unhappiness == worst } ?? 0
        }
        self.recipient = max(0, min(self.recipient, detail.recipients.count - 1))
        self.attempt = max(0, min(self.attempt, detail.attempts.count - 1))
        self.text?.fill(detail, self.chosenRecipient, around.now)
        return [.read(self.readFurther(detail, around))]
    }

    func forget() {
        self.detail = nil
        self.isGone = false
    }

    /// Follows the message into the nodes that took it, as far as they are among the feeds.
    private func readFurther(_ detail: MessageDetail, _ around: Surroundings) -> Read {
        let node = self.node
        return Read(
            self.key("joined"), isInstead: true,
            begin: { [nodes = around.nodes] in
                let first = detail.recipients.compactMap { JoinKey($0, from: node, nodes: nodes) }
                guard !first.isEmpty else { return nil }
                return { await Self.further(first, nodes) }
            },
            take: { (joined: [JoinKey: MessageDetail], _) in
                self.joined = joined
                return []
            })
    }

    private static func further(_ first: [JoinKey], _ nodes: [Node]) async -> [JoinKey: MessageDetail] {
        var found: [JoinKey: MessageDetail] = [:]
        var open = first
        while let key = open.popLast(), found.count < Self.joinsKept {
            guard found[key] == nil, let detail = try? await nodes[key.node].entry.feed.message(key.id) else {
                continue
            }
            found[key] = detail
            open += detail.recipients.compactMap { JoinKey($0, from: key.node, nodes: nodes) }
        }
        return found
    }

    // MARK: Keys

    func turn(_ step: Int) -> Bool {
        self.part = self.part == .recipients ? .attempts : .recipients
        return true
    }

    func move(_ motion: Motion, _ around: Surroundings) {
        guard let detail = self.detail else { return }
        self.isUntouched = false
        if self.text != nil {
            self.text?.move(motion, around)
        } else if self.part == .attempts {
            self.attempt = max(0, motion.target(from: self.attempt, count: detail.attempts.count, height: 5))
        } else {
            self.recipient = max(0, motion.target(from: self.recipient, count: detail.recipients.count, height: 5))
        }
    }

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .open, .transcript: return self.openTranscript(around)
        case .back:
            guard self.text != nil else { return [.back] }
            self.text = nil
            return []
        case .header:
            self.read(self.text == nil || self.text?.kind == .ticket ? .readable : nil, around)
            return []
        case .ticket:
            self.read(self.text?.kind == .ticket ? nil : .ticket, around)
            return []
        case .raw:
            self.read(self.text?.kind == .raw ? .readable : .raw, around)
            return []
        case .write: return self.write(call.argument, around)
        case .tag:
            self.isUntouched = false
            if self.tagged.remove(self.recipient) == nil { self.tagged.insert(self.recipient) }
            self.recipient = min(self.recipient + 1, max(0, (self.detail?.recipients.count ?? 1) - 1))
            return []
        case .untag:
            self.tagged.remove(self.recipient)
            return []
        case .untagAll:
            self.tagged = []
            return []
        case .nextItem: return [.openNeighbour(1)]
        case .previousItem: return [.openNeighbour(-1)]
        // Another node's own screen shows the message as it is there.
        case .nextNode:
            guard let recipient = self.chosenRecipient,
                let key = JoinKey(recipient, from: self.node, nodes: around.nodes)
            else { return nil }
            let entry = around.nodes[key.node].entry
            return [
                .showNode(
                    key.node,
                    [
                        .open(MessagePane(key.id, node: key.node, feed: entry.feed)),
                        .say("at \(entry.name) it is \(SafeText(key.id))", .plain),
                    ])
            ]
        default: return self.order(call, around)
        }
    }

    func destination(_ around: Surroundings) -> String? { self.chosenRecipient?.destination }

    /// - Parameter kind: what is to be read; `nil`: nothing any more.
    private func read(_ kind: MessageText.Kind?, _ around: Surroundings) {
        self.text = kind.map { MessageText($0) }
        if let detail = self.detail { self.text?.fill(detail, self.chosenRecipient, around.now) }
    }

    /// Writes the card where it is shown, and else the whole message.
    private func write(_ path: String?, _ around: Surroundings) -> [Effect] {
        guard let detail = self.detail else { return [] }
        let card = self.text.flatMap { $0.kind == .ticket ? $0.text : nil }
        guard let path else { return [self.askWhere(.write, self.id, card == nil ? ".eml" : ".txt")] }
        if let card { return self.write(path, around) { FilePieces.text(card) } }
        let (feed, ref) = (self.feed, detail.ref)
        return self.write(path, around) { FilePieces.message(ref, of: feed) }
    }

    private func openTranscript(_ around: Surroundings) -> [Effect] {
        guard let detail = self.detail else { return [] }
        let part: TranscriptPart
        if self.part == .attempts {
            guard detail.attempts.indices.contains(self.attempt) else { return [] }
            let attempt = detail.attempts[self.attempt]
            let index = attempt.recipientIndex
            part = TranscriptPart(
                of: detail, detail.recipients.indices.contains(index) ? detail.recipients[index].forwardPath : "",
                session: attempt.session, end: attempt.at)
        } else if let session = self.chosenRecipient?.progress?.session {
            part = TranscriptPart(session: session)
        } else {
            part = TranscriptPart(of: detail, self.chosenRecipient?.forwardPath ?? "")
        }
        return TranscriptPane.open(part, node: self.node, self.feed, around)
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        if self.text != nil { return self.text?.search(search, around) == true ? [] : [search.failed] }
        let texts = self.detail?.recipients.map { "\($0.forwardPath) \($0.lastReply ?? "") \($0.state.word)" } ?? []
        guard let found = search.find(in: texts, from: self.recipient) else { return [search.failed] }
        self.recipient = found
        self.isUntouched = false
        return []
    }

    func chosen(_ around: Surroundings) -> Chosen? {
        guard let detail = self.detail, !detail.recipients.isEmpty else { return nil }
        let indexes = self.tagged.isEmpty ? [self.recipient] : self.tagged.sorted()
        let named = indexes.filter(detail.recipients.indices.contains).map { detail.recipients[$0] }
        // What has ended is no target of anything.
        let all = named.filter { !$0.state.isSettled }
        let one = named.first.map { "\($0.forwardPath) is \($0.state.word) already" }
        return Chosen(
            targets: [.recipients(references: all.map(\.ref))], recipients: all.count, messages: 1,
            words: self.tagged.isEmpty ? all.first?.forwardPath ?? "" : "\(all.count) tagged recipients",
            sample: all.prefix(5).map { "\(detail.ref.id)  to \($0.forwardPath)" },
            isHeld: all.allSatisfy { $0.state == .hold },
            refusal: all.isEmpty ? (named.count > 1 ? "all of them are settled already" : one ?? "") : nil,
            done: { self.tagged = [] })
    }

    func status(_ around: Surroundings) -> [Run] {
        if self.text?.kind == .ticket { return [Run("w writes it to a file, or copy it from here; y back", .muted)] }
        guard let chosen = self.chosen(around) else { return [] }
        if let refusal = chosen.refusal { return [Run(refusal, .muted)] }
        return [Run("acts on: ", .muted), Run(address: chosen.words)]
    }

    // MARK: Painting

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        guard let detail = self.detail else {
            painter.empty(
                self.isGone
                    ? around.playback == nil
                        ? ["nothing is known of \(self.id)", "it may have been settled long ago; Esc goes back"]
                        : ["the recording has nothing about \(self.id) at this time", "Esc goes back"]
                    : ["reading \(self.id)"], in: area)
            return
        }
        if let text = self.text {
            text.paint(self.id, &painter, area)
            return
        }
        guard area.height >= Self.leastHeight else {
            self.paintTight(detail, &painter, area, around)
            return
        }
        var rest = area
        rest = rest.below(Self.paintEnvelope(detail, &painter, rest, around.now))
        if let recipient = self.chosenRecipient {
            rest = rest.below(self.paintHops(detail, recipient, &painter, rest, around))
        }
        let hasPolicy = detail.attempts.contains { $0.security?.policy != nil }
        let wanted = max(1, detail.attempts.count) + (hasPolicy ? 1 : 0)
        let attempts = min(wanted + 2, max(3, rest.height / 3 + 1))
        let recipients = Rect(x: rest.x, y: rest.y, width: rest.width, height: rest.height - attempts)
        self.paintRecipients(detail, &painter, recipients, around)
        self.paintAttempts(
            detail, &painter, Rect(x: rest.x, y: rest.maxY - attempts, width: rest.width, height: attempts), around)
    }

    /// The rows from which on there are boxes.
    private static let leastHeight = 14

    /// Who wrote it, its way, its recipients and why the chosen one is still here, a line each.
    private func paintTight(
        _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let age = "\(detail.isSettled ? "settled" : "here") \(Self.age(detail, around.now))"
        painter.textRight(age, x: area.x, y: area.y, columns: area.width - 1, role: .muted)
        painter.runs(
            [Run("From ", .muted), Run(address: detail.from)], x: area.x + 1, y: area.y,
            columns: area.width - 3 - age.count)
        var rest = area.below(1)
        guard let recipient = self.chosenRecipient else { return }
        let way = Way(of: detail, recipient, at: self.node, joined: self.joined, around)
        let path = way.lines(columns: .max, painter.glyphs).first?.path ?? []
        painter.runs(path, x: rest.x + 1, y: rest.y, columns: rest.width - 2)
        let why = SafeText(recipient.whyWords(around.now)).wrapped(rest.width - 2)
        let whyLines = max(1, min(why.count, rest.height - 1 - detail.recipients.count))
        rest = Rect(x: rest.x, y: rest.y + 1, width: rest.width, height: rest.height - 1 - whyLines)
        self.paintTable(detail, &painter, rest, around, isFocused: true)
        for (line, text) in why.prefix(whyLines).enumerated() {
            painter.text(text, x: rest.x + 1, y: rest.maxY + line, columns: rest.width - 2, role: .title)
        }
    }

    /// How long it is here, or was.
    static func age(_ detail: MessageDetail, _ now: Timestamp) -> String {
        let end = detail.isSettled ? detail.recipients.compactMap(\.settledAt).max() ?? now : now
        return Format.age(milliseconds: end.since(detail.arrived))
    }

    /// - Returns: how many rows it took.
    private static func paintEnvelope(
        _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect, _ now: Timestamp
    ) -> Int {
        let expires = detail.expires.map { "expires in \(Format.span(milliseconds: $0.since(now)))" }
        let size = detail.contentOctets.map(Format.octetsLong) ?? ""
        let right = [size, detail.isSettled ? "settled" : expires ?? ""].filter { !$0.isEmpty }.joined(separator: ", ")
        let height = min(area.height, area.height >= 17 ? 4 : 3)
        let inner = painter.box(
            Rect(x: area.x, y: area.y, width: area.width, height: height),
            title: "\(detail.ref.id)  \(detail.isSettled ? "was here" : "here") for \(self.age(detail, now))",
            right: right)
        var from: [Run] = [Run("From     ", .muted), Run(address: detail.from)]
        let user = detail.user.map { "as \($0)" }
        let how = [detail.with, detail.hello, detail.peer.map { "[\($0)]" }, user, detail.tls].compactMap { $0 }
            .joined(separator: " ")
        from.append(Run(how.isEmpty ? "   made here" : "   by \(how)", .muted))
        if !detail.parameters.isEmpty { from.append(Run("   " + detail.parameters.joined(separator: " "), .muted)) }
        painter.runs(from, x: inner.x + 1, y: inner.y, columns: inner.width - 2)
        if inner.height > 1 {
            painter.runs(
                [Run("Subject  ", .muted), Run(detail.subject ?? "-", .title)], x: inner.x + 1, y: inner.y + 1,
                columns: inner.width - 2)
        }
        return height
    }

    /// - Returns: how many rows it took.
    private func paintHops(
        _ detail: MessageDetail, _ recipient: RecipientDetail, _ painter: inout Painter, _ area: Rect,
        _ around: Surroundings
    ) -> Int {
        let way = Way(of: detail, recipient, at: self.node, joined: self.joined, around)
        let lines = way.lines(columns: area.width - 4, painter.glyphs)
        let phases = recipient.progress?.phases(painter.glyphs)
        let count = min(lines.count, max(1, (area.height - 6) / 3))
        let height = min(area.height, 2 + 2 * count + (phases == nil ? 0 : 1))
        let inner = painter.box(
            Rect(x: area.x, y: area.y, width: area.width, height: height), title: "Hops",
            right: area.width >= 70 ? "c = claimed by a header" : "")
        for (index, line) in lines.prefix(count).enumerated() {
            painter.runs(line.path, x: inner.x + 1, y: inner.y + 2 * index, columns: inner.width - 2)
            painter.runs(line.notes, x: inner.x + 1, y: inner.y + 2 * index + 1, columns: inner.width - 2)
        }
        if let phases, let progress = recipient.progress {
            let y = inner.y + 2 * count
            let end = painter.runs(phases, x: inner.x + 1, y: y, columns: inner.width - 2)
            if let share = progress.share, progress.flow == .content {
                painter.bar(share, x: end, y: y, columns: min(30, inner.maxX - end - 2), role: .active)
            }
        }
        return height
    }

    static let recipientColumns: [Column<RecipientDetail>] = [
        Column("", .fixed(1)) { TableCell($1.isTagged ? $1.glyphs[.tag] : " ", .tagged) },
        Column("STATE", .fixed(10)) { TableCell(Run(state: $0.state, $1.glyphs)) },
        Column("TO", .share(10, weight: 4)) { row, _ in TableCell(Run(address: row.forwardPath)) },
        Column("TRY", .fixed(3), isRight: true) { row, _ in TableCell("\(row.tries)") },
        Column("NEXT", .fixed(5), isRight: true) { row, look in
            TableCell(row.nextAttempt.map { Format.span(milliseconds: $0.since(look.now)) } ?? "-")
        },
        Column("LAST REPLY", .share(10, weight: 5), from: 50) { row, _ in
            if let progress = row.progress { return TableCell(progress.words, .active) }
            let taken = row.relayedTo.map { "taken by \($0)" }
            return TableCell(Run(reply: row.lastReply ?? taken ?? ""))
        },
    ]

    private func paintRecipients(
        _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let counts = RecipientState.allCases.compactMap { kind in
            let count = detail.recipients.count { $0.state == kind }
            return count == 0 ? nil : "\(count) \(kind.word)"
        }
        let isFocused = self.part == .recipients
        let inner = painter.box(
            area, title: "Recipients", right: counts.joined(separator: ", "), isFocused: isFocused)
        guard inner.height > 0 else { return }
        let words = [
            self.chosenRecipient?.explanation(around.now),
            "Why: " + (self.chosenRecipient?.whyWords(around.now) ?? ""),
        ]
        let told = words.compactMap { $0 }.map { SafeText($0).wrapped(inner.width - 2) }
        var why = told.flatMap { $0 }
        // Above it at least the header and two recipients.
        let spare = inner.height - 1 - detail.recipients.count
        let whyLines = inner.height >= 4 ? min(why.count, max(inner.height >= 5 ? 2 : 1, spare)) : 0
        // Where there is not room for both, why it waits goes before what the reply means.
        if whyLines < why.count { why = told.reversed().flatMap { $0 } }
        let rows = inner.top(inner.height - whyLines)
        Table(Self.recipientColumns, width: inner.width).paintHeader(&painter, rows.row(0))
        self.paintTable(detail, &painter, rows.below(1), around, isFocused: isFocused)
        for line in 0..<whyLines {
            // What has no room is cut where it shows.
            let text = line == whyLines - 1 ? SafeText.joined(why[line...]) : why[line]
            painter.text(text, x: inner.x + 1, y: rows.maxY + line, columns: inner.width - 2, role: .title)
        }
    }

    private func paintTable(
        _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect, _ around: Surroundings, isFocused: Bool
    ) {
        let table = Table(Self.recipientColumns, width: area.width)
        let top = max(0, min(self.recipient - area.height / 2, detail.recipients.count - area.height))
        var look = RowLook(around)
        for (line, index) in (top..<max(top, min(detail.recipients.count, top + area.height))).enumerated() {
            look.isTagged = self.tagged.contains(index)
            table.paint(detail.recipients[index], look, &painter, area.row(line), offset: around.columnOffset)
            if index == self.recipient { painter.select(area.row(line), isFocused: isFocused) }
        }
    }

    static let attemptColumns: [Column<AttemptRow>] = [
        Column("", .fixed(8)) { row, _ in TableCell(Format.clock(row.at), .muted) },
        Column("", .fixed(10)) { TableCell(Run(state: $0.outcome, $1.glyphs)) },
        Column("", .fixed(5), isRight: true) { row, _ in TableCell(row.milliseconds.map(Format.took) ?? "-") },
        Column("", .share(12, weight: 2)) { row, _ in
            TableCell([row.nextHop ?? "-", row.security?.protection].compactMap { $0 }.joined(separator: " "), .muted)
        },
        Column("", .share(12, weight: 5)) { row, _ in TableCell(Run(reply: row.reply ?? "")) },
        Column("", .fixed(8)) { row, _ in TableCell(row.session?.id ?? "", .muted) },
    ]

    private func paintAttempts(
        _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let isFocused = self.part == .attempts
        let inner = painter.box(area, title: "Attempts", right: "t transcript", isFocused: isFocused)
        guard inner.height > 0 else { return }
        guard !detail.attempts.isEmpty else {
            painter.text("none yet", x: inner.x + 1, y: inner.y, columns: inner.width - 2, role: .muted)
            return
        }
        let cursor = isFocused ? self.attempt : detail.attempts.count - 1
        var height = inner.height
        if let security = detail.attempts[cursor].security, security.policy != nil, height > 1 {
            height -= 1
            painter.text("\(security)", x: inner.x + 1, y: inner.y + height, columns: inner.width - 2, role: .muted)
        }
        let top = max(0, min(cursor - height / 2, detail.attempts.count - height))
        let table = Table(Self.attemptColumns, width: inner.width - 2, rows: detail.attempts)
        let look = RowLook(around)
        for (line, index) in (top..<min(detail.attempts.count, top + height)).enumerated() {
            table.paint(detail.attempts[index], look, &painter, inner.row(line).inset(1, 0))
            if isFocused, index == self.attempt { painter.select(inner.row(line)) }
        }
    }
}

extension Command {
    static let header = Command("header", ["i"], "header and text of the message", hint: "header")
    static let ticket = Command(
        "ticket", ["y"], "what became of the recipient, as text for whoever asked", hint: "ticket")
    static let raw = Command("raw", ["X"], "header and text as they came")
    static let write = Command(
        "write", ["w"], "write the message (.eml), or the text shown, to a file", argument: "path")
    static let nextItem = Command("next-item", ["]"], "next message")
    static let previousItem = Command("previous-item", ["["], "previous message")
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
