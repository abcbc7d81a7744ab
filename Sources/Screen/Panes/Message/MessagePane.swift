import Mail
import Monitor

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
    private var part = MessageBoxes.Part.recipients
    private var painted = MessageBoxes.Painted()
    private var recipients: RecipientList
    private var attempts = AttemptList()
    private var text: MessageText?
    /// The attempt that was asked for here.
    private var watch: AttemptWatch?
    /// What other nodes know of it further on.
    private var joined: [JoinKey: MessageDetail] = [:]
    /// Messages of other nodes that are asked for at most.
    private static let joinsKept = 32

    /// - Parameter path: the recipient that it is opened for.
    init(_ id: String, of owner: String? = nil, at path: String? = nil, node: Int, feed: any MonitorFeed) {
        self.id = id
        self.recipients = RecipientList(at: path)
        self.owner = owner
        self.node = node
        self.feed = feed
    }

    var name: String { "message" }
    var title: String { self.id }
    var areas: Set<FeedChange.Area> { self.watch == nil ? [.queue, .facts] : [.queue, .facts, .transcripts] }
    var showsOtherNodes: Bool { true }
    /// What is read is told of first while it is open.
    var commands: [Command] {
        self.text == nil ? Self.commands : Self.reading + Self.commands.filter { !Self.reading.contains($0) }
    }
    private static let commands: [Command] =
        [
            .open, .back, .tag, .retry, .hold, .drop, .bounce, .release, .transcript, .header, .ticket, .copy, .write,
            .raw,
            .untag, .untagAll,
            .nextItem, .previousItem,
        ] + Command.editing + Command.scrolling
    private static let reading: [Command] = [.back, .header, .raw, .ticket, .write, .copy]

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
        self.recipients.show(detail.recipients)
        self.attempts.show(detail.attempts, of: detail.recipients)
        self.text?.fill(detail, self.recipients.selected, around)
        return [.read(self.readFurther(detail, around))] + (self.watch?.look(at: detail, self, around.now) ?? [])
    }

    func forget() {
        self.detail = nil
        self.isGone = false
        // Sessions have other names now.
        self.watch = nil
    }

    /// How far a message is changes without a change of the queue. And an attempt is waited for, within bounds.
    func ticked(_ around: Surroundings) -> [Effect] {
        let isMoving = self.detail?.recipients.contains { $0.state == .active } ?? false
        return isMoving || self.watch?.isWaiting == true ? self.reads(around).map(Effect.read) : []
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
        if self.text != nil {
            self.text?.move(motion, around)
        } else if self.part == .attempts {
            self.attempts.move(motion)
        } else {
            self.recipients.move(motion)
        }
    }

    func select(at place: Point, _ around: Surroundings) -> Bool {
        if let row = self.painted[.recipients]?.number(at: place) {
            self.part = .recipients
            self.recipients.move(to: row)
        } else if let row = self.painted[.attempts]?.number(at: place) {
            self.part = .attempts
            self.attempts.move(to: row)
        } else {
            return false
        }
        return true
    }

    func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        switch call.command {
        case .open, .transcript: return self.openTranscript(around)
        case .back:
            if self.text != nil {
                self.text = nil
            } else if self.watch != nil {
                self.watch = nil
            } else {
                return [.back]
            }
            return []
        case .retry: return self.retry(call, around)
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
        case .copy: return self.copy(around)
        case .tag:
            self.recipients.tag()
            return []
        case .untag:
            self.recipients.untag()
            return []
        case .untagAll:
            self.recipients.untagAll()
            return []
        case .nextItem: return [.openNeighbour(1)]
        case .previousItem: return [.openNeighbour(-1)]
        // Another node's own screen shows the message as it is there.
        case .nextNode:
            guard let recipient = self.recipients.selected,
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

    func destination(_ around: Surroundings) -> String? { self.recipients.selected?.destination }

    /// Where one recipient is meant, what is said in that very attempt is shown beside it.
    private func retry(_ call: Call, _ around: Surroundings) -> [Effect] {
        guard let detail = self.detail, let recipient = self.recipients.onlyTarget,
            around.nodes[self.node].capabilities?.areas.contains(.transcripts) != false
        else { return self.order(call, around) ?? [] }
        let watch = AttemptWatch(recipient, of: detail, self.feed)
        return self.order(call, around) { if $0.didSomething { self.watch = watch } } ?? []
    }

    /// - Parameter kind: what is to be read; `nil`: nothing any more.
    private func read(_ kind: MessageText.Kind?, _ around: Surroundings) {
        self.text = kind.map { MessageText($0) }
        if let detail = self.detail { self.text?.fill(detail, self.recipients.selected, around) }
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

    /// Copies the card, whose every line is made safe to be pasted wherever that is.
    private func copy(_ around: Surroundings) -> [Effect] {
        guard let card = self.text.flatMap({ $0.kind == .ticket ? $0.text : nil }) else {
            return [.say("\(around.sentence(.ticket, "shows the card")), which can be copied then", .plain)]
        }
        guard around.canCopy else {
            return [.say("copying is off: clipboard = true in [screen] of the configuration allows it", .warning)]
        }
        let lines = card.split(separator: "\n", omittingEmptySubsequences: false).map {
            SafeText(String($0)).description
        }
        return [
            .copy(lines.joined(separator: "\n")), .say("copied, where the terminal takes copies (OSC 52)", .ok),
        ]
    }

    private func openTranscript(_ around: Surroundings) -> [Effect] {
        guard let detail = self.detail else { return [] }
        let part: TranscriptPart
        if self.part == .attempts {
            guard let attempt = self.attempts.selected else { return [] }
            let recipient = detail.recipients.first { $0.ref.index == attempt.recipientIndex }
            part = TranscriptPart(
                of: detail, recipient?.forwardPath ?? "", session: attempt.session, end: attempt.at)
        } else if let session = self.recipients.selected?.progress?.session {
            part = TranscriptPart(session: session)
        } else {
            part = TranscriptPart(of: detail, self.recipients.selected?.forwardPath ?? "")
        }
        return TranscriptPane.open(part, node: self.node, self.feed, around)
    }

    func search(_ search: Search, _ around: Surroundings) -> [Effect] {
        if self.text != nil { return self.text?.search(search, around) == true ? [] : [search.failed] }
        return self.recipients.search(search) ? [] : [search.failed]
    }

    func chosen(_ around: Surroundings) -> Chosen? {
        self.recipients.chosen(done: { self.recipients.untagAll() })
    }

    func status(_ around: Surroundings) -> [Run] {
        if self.text?.kind == .ticket {
            let copies = around.canCopy ? "\(around.sentence(.copy, "copies it"))" : "or copy it from here"
            let words = around.sentence(.write, "writes it to a file, \(copies); ")
            return [Run(words + around.sentence(.ticket, "back"), .muted)]
        }
        guard let chosen = self.chosen(around) else { return [] }
        if let refusal = chosen.refusal { return [Run(refusal, .muted)] }
        return [Run("acts on: ", .muted), Run(address: chosen.words)]
    }

    // MARK: Painting

    func paint(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        self.painted = [:]
        guard let detail = self.detail else {
            let back = around.sentence(.back, "goes back")
            painter.empty(
                self.isGone
                    ? around.playback == nil
                        ? ["nothing is known of \(self.id)", "it may have been settled long ago; \(back)"]
                        : ["the recording has nothing about \(self.id) at this time", back]
                    : ["reading \(self.id)"], in: area)
            return
        }
        if let text = self.text {
            text.paint(self.id, &painter, area, around)
            return
        }
        guard area.height >= MessageBoxes.leastHeight else {
            self.paintTight(detail, &painter, area, around)
            return
        }
        self.painted = MessageBoxes(
            detail: detail, recipients: self.recipients, attempts: self.attempts, node: self.node, joined: self.joined,
            focus: self.part, watch: self.watch
        ).paint(&painter, area, around)
    }

    /// Who wrote it, its way, its recipients and why the chosen one is still here, a line each.
    private func paintTight(
        _ detail: MessageDetail, _ painter: inout Painter, _ area: Rect, _ around: Surroundings
    ) {
        let age = "\(detail.isSettled ? "settled" : "here") \(detail.stay(around.now))"
        painter.textRight(age, x: area.x, y: area.y, columns: area.width - 1, role: .muted)
        painter.runs(
            [Run("From ", .muted), Run(address: detail.from)], x: area.x + 1, y: area.y,
            columns: area.width - 3 - age.count)
        var rest = area.below(1)
        guard let recipient = self.recipients.selected else { return }
        let way = Way(of: detail, recipient, at: self.node, joined: self.joined, around)
        painter.runs(
            way.path(columns: rest.width - 2, painter.glyphs), x: rest.x + 1, y: rest.y, columns: rest.width - 2)
        let why = SafeText(recipient.whyWords(around.now)).wrapped(rest.width - 2)
        let whyLines = max(1, min(why.count, rest.height - 1 - detail.recipients.count))
        if let watch = self.watch { return watch.paint(&painter, rest.below(1), around) }
        rest = Rect(x: rest.x, y: rest.y + 1, width: rest.width, height: rest.height - 1 - whyLines)
        self.painted = [.recipients: self.recipients.paintRows(&painter, rest, isFocused: true, around)]
        for line in 0..<min(whyLines, why.count) {
            // What has no room is cut where it shows.
            let text = line == whyLines - 1 ? SafeText.joined(why[line...]) : why[line]
            painter.text(text, x: rest.x + 1, y: rest.maxY + line, columns: rest.width - 2, role: .title)
        }
    }
}

extension Command {
    static let header = Command("header", ["i"], "envelope, header and text of the message", hint: "header")
    static let ticket = Command(
        "ticket", ["y"], "what became of the recipient, as text for whoever asked", hint: "ticket")
    static let copy = Command("copy", ["Y"], "copy the card into the terminal's clipboard, where that is allowed")
    static let raw = Command("raw", ["X"], "header and text as they came", hint: "raw")
    static let write = Command(
        "write", ["w"], "write the message (.eml), or the text shown, to a file", hint: "write", argument: "path")
    static let nextItem = Command("next-item", ["]"], "next message")
    static let previousItem = Command("previous-item", ["["], "previous message")
}
