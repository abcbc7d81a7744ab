import Mail
import Monitor
import OrderedCollections

/// All that is recorded of one node at one moment.
struct NodePicture: Sendable {
    private(set) var capabilities: FeedCapabilities?
    private(set) var overview: Overview?
    private(set) var queued = 0
    /// By queue ID.
    private(set) var rows: [String: QueueRow] = [:]
    /// By identifier; live ones and those that ended.
    private(set) var sessions: [String: ConnectionRow] = [:]
    /// The newest facts, newest last, each with what a journal knows of it besides, where that was recorded.
    private(set) var entries: [JournalEntry] = []
    /// How many came before these.
    private(set) var factsBefore = 0
    private(set) var rules: [RuleRow] = []
    /// By queue ID; what was learned last stands last.
    private(set) var messages: OrderedDictionary<String, MessageDetail> = [:]
    /// By identifier of the session; where something was said last stands last.
    private(set) var dialogues: OrderedDictionary<String, Dialogue> = [:]
    /// Why the node does not answer; `nil`: it does.
    private(set) var silence: String?
    private(set) var missed = MissedDetails()

    /// What was said in one session.
    struct Dialogue: Hashable, Sendable {
        /// As it is, or was when it was known last.
        var session: ConnectionRow
        var lines: [TranscriptLine]
        var end: Int
        var elided: Int
    }

    /// What a front end asks for at most.
    static let factsKept = 500
    /// Lines of one dialogue.
    static let linesKept = 10_000

    mutating func apply(_ change: RecordedChange) {
        switch change {
        case .capabilities(let capabilities): self.capabilities = capabilities
        case .overview(let overview): self.overview = overview
        case .queued(let count): self.queued = count
        case .row(let row): self.rows[row.ref.id] = row
        case .departed(let id): self.rows[id] = nil
        case .session(let row): self.sessions[row.ref.id] = row
        case .closed(let id):
            // Its dialogue can still be asked for.
            if let row = self.sessions.removeValue(forKey: id) { self.dialogues[id]?.session = row }
        case .fact(let fact): self.append(JournalEntry(ref: JournalRef(node: "", number: 0), fact: fact))
        case .entry(let entry): self.append(entry)
        case .facts(let count):
            guard count != self.factsBefore + self.entries.count else { return }
            self.entries = []
            self.factsBefore = count
        case .rules(let rules): self.rules = rules
        case .message(let detail):
            self.messages.removeValue(forKey: detail.ref.id)
            self.messages[detail.ref.id] = detail
        case .forgotten(let id): self.messages.removeValue(forKey: id)
        case .lines(let said): self.append(said)
        case .erased(let id): self.dialogues.removeValue(forKey: id)
        case .silent(let reason): self.silence = reason
        case .missed(let missed): self.missed = missed
        }
    }

    private mutating func append(_ entry: JournalEntry) {
        self.entries.append(entry)
        // In steps, since each drops from the front.
        guard self.entries.count >= 2 * Self.factsKept else { return }
        self.factsBefore += self.entries.count - Self.factsKept
        self.entries.removeFirst(self.entries.count - Self.factsKept)
    }

    private mutating func append(_ said: RecordedLines) {
        var dialogue =
            self.dialogues.removeValue(forKey: said.session.ref.id)
            ?? Dialogue(session: said.session, lines: [], end: 0, elided: 0)
        dialogue.session = said.session
        dialogue.lines += said.lines
        dialogue.lines.removeFirst(max(0, dialogue.lines.count - Self.linesKept))
        dialogue.end = said.end
        dialogue.elided = said.elided
        self.dialogues[said.session.ref.id] = dialogue
    }

    /// The changes that make this picture out of an empty one.
    var whole: [RecordedChange] {
        var changes: [RecordedChange] = []
        if let capabilities { changes.append(.capabilities(capabilities)) }
        if let overview { changes.append(.overview(overview)) }
        if let silence { changes.append(.silent(silence)) }
        if self.missed != MissedDetails() { changes.append(.missed(self.missed)) }
        changes.append(.queued(self.queued))
        changes += self.rows.values.map { .row($0) }
        changes += self.sessions.values.map { .session($0) }
        let entries = self.entries.suffix(Self.factsKept)
        changes.append(.facts(self.factsBefore + self.entries.count - entries.count))
        changes += entries.map { $0.ref.number > 0 ? .entry($0) : .fact($0.fact) }
        if !self.rules.isEmpty { changes.append(.rules(self.rules)) }
        changes += self.messages.values.map { .message($0) }
        changes += self.dialogues.values.map { dialogue in
            .lines(
                RecordedLines(
                    session: dialogue.session, lines: dialogue.lines, end: dialogue.end, elided: dialogue.elided))
        }
        return changes
    }

    // MARK: What differs from this

    func changes(to rows: [String: QueueRow]) -> [RecordedChange] {
        self.rows.keys.filter { rows[$0] == nil }.map { .departed($0) }
            + rows.values.filter { self.rows[$0.ref.id] != $0 }.map { .row($0) }
    }

    func changes(to sessions: [String: ConnectionRow]) -> [RecordedChange] {
        self.sessions.keys.filter { sessions[$0] == nil }.map { .closed($0) }
            + sessions.values.filter { self.sessions[$0.ref.id] != $0 }.map { .session($0) }
    }

    /// Leaves the oldest of what can be large, so that a picture keeps within bounds.
    ///
    /// - Parameters:
    ///   - messages: octets for them at most, as they are weighed.
    ///   - lines: octets for dialogues.
    func excess(messages: Int, lines: Int) -> [RecordedChange] {
        var changes: [RecordedChange] = []
        var weight = self.messages.values.reduce(0) { $0 + $1.weight } - messages
        for (id, detail) in self.messages where weight > 0 {
            weight -= detail.weight
            changes.append(.forgotten(id))
        }
        weight = self.dialogues.values.reduce(0) { $0 + $1.weight } - lines
        for (id, dialogue) in self.dialogues where weight > 0 {
            weight -= dialogue.weight
            changes.append(.erased(id))
        }
        return changes
    }
}

extension MessageDetail {
    /// About how many octets it is as JSON.
    fileprivate var weight: Int {
        600 + (self.header?.utf8.count ?? 0) + (self.text?.utf8.count ?? 0) + 500 * self.recipients.count
            + 400 * self.attempts.count + 150 * self.claimedHops.count
    }
}

extension NodePicture.Dialogue {
    /// About how many octets it is as JSON.
    fileprivate var weight: Int { self.lines.reduce(200) { $0 + 80 + $1.text.utf8.count } }
}
