import Mail
import Monitor

extension View {
    static let queue = View(
        "queue", digit: "2", title: "Queue", summary: "every message that is still here",
        make: { QueuePane(node: $0, feed: $1) })
}

/// View 2: every message that is still here.
final class QueuePane: ListPane<QueueList> {
    var tags = Tags.none
    /// `nil`: none is about to be tagged.
    var range: TagRange?
    /// The message that the cursor is on, in full.
    private var preview: MessageDetail?
    /// The attempt that was asked for here, and the message that it is of.
    private var watch: (attempt: AttemptWatch, id: String)?
    /// What was asked for last to be previewed: another node may never know it.
    private var previewed: MessageRef?

    override var name: String { "queue" }
    override var areas: Set<FeedChange.Area> {
        self.watch == nil ? [.queue, .facts] : [.queue, .facts, .transcripts]
    }
    override var commands: [Command] { Self.commands }
    private static let commands: [Command] =
        [
            .open, .tag, .retry, .hold, .drop, .bounce, .release, .transcript, .filter, .sort, .sortLeft, .sortRight,
            .invert, .tagRange, .tagAll, .untag, .untagAll, .group, .problems, .follow, .leaveRange,
            .header.unhinted, .ticket.unhinted,
        ] + Command.editing + Command.ofLists

    /// Those that are for the row at the cursor, whatever is tagged.
    private static let commandsOfRow: Set<Command> = [.open, .header, .ticket, .transcript, .tag, .tagRange, .untag]

    // MARK: Reading

    override func reads(_ around: Surroundings) -> [Read] {
        super.reads(around) + (self.watch.map { [$0.attempt.read(self)] } ?? [])
    }

    /// How far a message is changes without a change of the queue. And an attempt is waited for, within bounds.
    override func ticked(_ around: Surroundings) -> [Effect] {
        let isMoving = self.list.shown.contains { self.list.row($0)?.state == .active }
        return isMoving || self.watch?.attempt.isWaiting == true ? self.reads(around).map(Effect.read) : []
    }

    override func wantsDetail(_ around: Surroundings) -> Bool { Self.hasPreview(around) }

    override func missing(_ around: Surroundings) -> [Read] { super.missing(around) + self.missingPreview(around) }
    private func missingPreview(_ around: Surroundings) -> [Read] {
        guard Self.hasPreview(around), let selected = self.list.selected, !self.shows(selected),
            self.previewed != selected.ref
        else { return [] }
        return [self.readPreview()]
    }

    private func readPreview() -> Read {
        let feed = self.feed
        return Read(
            self.key("preview"),
            begin: {
                guard let ref = self.list.selected?.ref else { return nil }
                self.previewed = ref
                return { try await QueueList.detail(feed, of: ref) }
            },
            take: { (detail: MessageDetail?, around) in
                self.preview = detail
                self.agree()
                // The cursor may have gone on meanwhile.
                return self.missingPreview(around).map(Effect.read)
            })
    }

    override func took(_ rows: [QueueRow], _ detail: MessageDetail?, _ around: Surroundings) -> [Effect] {
        self.tags.refresh(rows, under: self.query.filter)
        if let detail { self.preview = detail }
        self.agree()
        return self.missingPreview(around).map(Effect.read)
    }

    override func forget() {
        self.preview = nil
        self.previewed = nil
        // Sessions have other names now.
        self.watch = nil
    }

    private func shows(_ row: QueueRow) -> Bool {
        self.preview.map { QueueRow.identity(of: $0.ref) == row.identity } ?? false
    }

    /// The cursor's row and its preview are of one moment, that of the newer one.
    private func agree() {
        guard let row = self.list.selected, let preview = self.preview, self.shows(row) else { return }
        if preview.ref.generation < row.ref.generation {
            self.preview = nil
        } else {
            self.replace(row.updated(from: preview, isFiltered: !self.query.filter.matchesAll))
        }
    }

    // MARK: Commands

    override func asked() -> [Effect] {
        self.range = nil
        guard case .frozen = self.tags else { return [] }
        self.tags = .none
        return [.say("untagged: what was tagged is not what is asked for now", .plain)]
    }

    override func perform(_ call: Call, _ around: Surroundings) -> [Effect]? {
        if self.list.selected == nil, Self.commandsOfRow.contains(call.command) {
            return [.say(self.list.isLoaded ? "no message is here" : "the message is still being read", .plain)]
        }
        switch call.command {
        case .open, .header, .ticket: return self.open(call, around)
        case .transcript: return self.openTranscript(around)
        case .tag:
            let effects = self.tag(nil, around)
            if effects.isEmpty { self.move(.by(1), around) }
            return effects
        case .tagRange: return self.tagRange(around)
        case .leaveRange:
            if self.range == nil { self.watch = nil }
            self.range = nil
            return []
        case .retry:
            let watch = self.watchRetry(around)
            return self.order(call, around) { if $0.didSomething, let watch { self.watch = watch } }
        case .edit where self.tags.isEmpty:
            return EditCommand(
                node: self.node, now: around.now, destination: nil, chosen: self.chosenRecipient(around),
                palette: { around.palette(self).prompt($0) }
            ).perform(call)
        case .untag: return self.tag(false, around)
        case .untagAll:
            self.tags = .none
            self.range = nil
            return []
        case .group:
            guard let word = call.argument else { return [.ask(QueueGrouping.menu { self.groups(by: $0) })] }
            guard let grouping = QueueGrouping(rawValue: word) else {
                let known = QueueGrouping.allCases.map(\.rawValue).joined(separator: ", ")
                return [.say("nothing is grouped by \(SafeText(word)): \(known)", .warning)]
            }
            return self.groups(by: grouping)
        case .tagAll: return [.read(self.readFrozen())]
        case .problems:
            return self.change(around) { $0.filter = $0.filter == Self.troubled ? .all : Self.troubled }
        default: return self.order(call, around) ?? super.perform(call, around)
        }
    }

    /// Of one message it is shown what is said in the attempt that is asked for.
    private func watchRetry(_ around: Surroundings) -> (attempt: AttemptWatch, id: String)? {
        guard self.tags.isEmpty, let row = self.list.selected, let detail = self.preview, self.shows(row),
            around.nodes[self.node].capabilities?.areas.contains(.transcripts) != false,
            let recipient = detail.recipients.first(where: { $0.forwardPath == row.to })
        else { return nil }
        return (AttemptWatch(recipient, of: detail, self.feed), row.ref.id)
    }

    /// What was put off, what goes nowhere, what is damaged, and what waits behind the trouble of others: a recipient that was not
    /// tried shows why nothing goes to its destination.
    private static let troubled =
        (try? FilterExpression(
            parsing:
                "state:deferred | state:queued reply:/./ | dest=\"\(noRoute)\" | state:\(WaitReason.damagedWord)"))
        ?? .all

    private func groups(by grouping: QueueGrouping) -> [Effect] {
        [.open(GroupsPane(grouping, of: self.query, node: self.node, feed: self.feed))]
    }

    override func arguments(of command: Command) -> [String] {
        command == .group ? QueueGrouping.allCases.map(\.rawValue) : super.arguments(of: command)
    }

    private func open(_ call: Call, _ around: Surroundings) -> [Effect] {
        guard let row = self.list.selected else { return [] }
        let pane = MessagePane(row.ref.id, of: row.ref.node, at: row.to, node: self.node, feed: self.feed)
        // What is asked for is shown in it as soon as it is read.
        if call.command != .open { _ = pane.perform(call, around) }
        return [.open(pane)]
    }

    private func openTranscript(_ around: Surroundings) -> [Effect] {
        // The box says that it is its own.
        if let watch, Self.hasPreview(around), let part = watch.attempt.part {
            return TranscriptPane.open(part, node: self.node, self.feed, around)
        }
        guard let row = self.list.selected else { return [] }
        let preview = self.shows(row) ? self.preview : nil
        let session = row.progress?.session
        if session == nil, preview == nil {
            // The message tells which session it was.
            let feed = self.feed
            return [
                .read(
                    Read(
                        self.key("transcript"), isInstead: true, begin: { { try await feed.message(row.ref) } },
                        take: { detail, around in
                            TranscriptPane.open(TranscriptPart(of: detail, row.to), node: self.node, feed, around)
                        }))
            ]
        }
        let part = session.map { TranscriptPart(session: $0) } ?? TranscriptPart(of: preview, row.to)
        return TranscriptPane.open(part, node: self.node, self.feed, around)
    }

    // MARK: What is chosen

    override func chosen(_ around: Surroundings) -> Chosen? {
        self.tags.chosen { self.tags = .none }
            ?? self.list.selected.map { row in
                let all = row.recipients.unsettled
                let some = row.matching < all ? ", \(row.matching) of its \(all) recipients" : ""
                let place = around.nodeNames(at: self.node, rows: []).map { " at \($0[row.ref.node])" } ?? ""
                return Chosen(
                    targets: [.messages(references: [row.ref], matching: self.query.filter)],
                    recipients: row.matching, messages: 1, active: row.matchingActive,
                    words: row.ref.id + place + some,
                    limits: some.isEmpty ? nil : "those that match \(self.query.filter.text)",
                    sample: [Words.sample(row)], isHeld: row.state == .hold)
            }
    }

    /// The recipient that the cursor's row shows, without the others of its message: each has an address of its own.
    private func chosenRecipient(_ around: Surroundings) -> Chosen? {
        guard let row = self.list.selected, var chosen = self.chosen(around) else { return nil }
        let path = FilterTerm.TextTest.bare(row.to)
        chosen.address = path.hasPrefix("@") ? nil : String(path)
        if row.matching > 1 {
            let own = self.query.filter.narrowed(to: FilterExpression(.to, is: String(path)))
            chosen.targets = [.messages(references: [row.ref], matching: own)]
            chosen.recipients = 1
            chosen.active = row.state == .active ? 1 : 0
            chosen.limits = "\(path) alone"
        }
        return chosen
    }

    override func destination(_ around: Surroundings) -> String? { self.list.selected?.destination }

    override func look(at row: QueueRow, _ number: Int, _ look: inout RowLook) {
        look.isTagged = self.tags.contains(row)
        look.isInRange = self.range?.rows(to: self.list.cursor).contains(number) ?? false
    }

    // MARK: Painting

    private static func hasPreview(_ around: Surroundings) -> Bool { around.rows >= 24 && around.columns >= 70 }
    /// The columns from which on what is known of a message stands beside the rows.
    private static let columnsForBeside = 160
    private static func isBeside(_ around: Surroundings) -> Bool {
        // Read out line by line, each row would be followed by a piece of the message.
        self.hasPreview(around) && around.columns >= self.columnsForBeside && !around.isPlain
    }
    override func aside(_ area: Rect, _ around: Surroundings) -> Rect? {
        guard Self.hasPreview(around) else { return nil }
        if Self.isBeside(around) { return area.right(area.width * 2 / 5) }
        return area.bottom(self.watch == nil ? 6 : max(8, area.height / 2))
    }

    override func remarks(_ around: Surroundings) -> (left: [Run], right: String) {
        guard !self.tags.isEmpty else { return ([], "") }
        return ([Run("   \(Format.count(self.tags.messages)) tagged", .tagged)], "")
    }

    override func status(_ around: Surroundings) -> [Run] {
        guard self.list.matched > 0, let chosen = self.chosen(around) else { return [] }
        if let range = self.range {
            let rows = Format.plural(range.rows(to: self.list.cursor).count, "row")
            return [
                Run("range of \(rows)", .tagged),
                Run(
                    ": \(around.sentence(.tagRange, "tags it")), \(around.sentence(.leaveRange, "leaves it"))   ",
                    .muted),
            ]
                + super.status(around)
        }
        var runs = [Run("acts on: ", .muted), Run(chosen.words, self.tags.isEmpty ? .base : .tagged)]
        if !self.tags.isEmpty, let active = chosen.active, active > 0 {
            runs.append(Run(" (\(Format.count(active)) being tried now, left alone)", .muted))
        }
        return runs + [Run("   ", .muted)] + super.status(around)
    }

    override func emptyWords(_ around: Surroundings) -> [String] {
        guard self.list.isLoaded else { return ["reading the queue"] }
        if !self.query.filter.matchesAll {
            return Words.nothingMatches(around) + Self.whereItWent(around.nodes[self.node], around)
        }
        return Words.nothingQueued(around.nodes[self.node])
    }

    /// What is looked for here has often gone already.
    private static func whereItWent(_ node: Node, _ around: Surroundings) -> [String] {
        guard node.views.contains(where: { $0.command == View.journal.command }) else { return [] }
        return ["\(around.sentence(View.journal.command, "tells what became of mail that left"))"]
    }

    override func paintAside(_ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let isBeside = Self.isBeside(around)
        var area = area
        if let watch {
            let isSelected = self.list.selected.map(watch.attempt.isOf) ?? false
            // Below the preview, where that has room.
            let room = isBeside ? area.bottom(area.height / 2) : area
            watch.attempt.paint(
                name: watch.id, closing: .leaveRange, canRepeat: isSelected, &painter, room, around)
            area = area.top(area.height - room.height)
        }
        guard area.height > 0 else { return }
        guard let row = self.list.selected else {
            painter.box(area, title: "")
            return
        }
        let preview = QueuePreview(
            row: row, detail: self.shows(row) ? self.preview : nil, node: self.node,
            hasTranscript: self.watch?.attempt.session == nil)
        if isBeside { preview.paintBeside(&painter, area, around) } else { preview.paintBelow(&painter, area, around) }
    }
}

extension Command {
    static let tagAll = Command("tag-all", ["T"], "tag all that match, exactly those of now")
}
