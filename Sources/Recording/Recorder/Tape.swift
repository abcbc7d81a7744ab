public import Mail
public import Monitor

/// What several nodes' recorders write to, one moment after the other.
actor Tape {
    private let writer: RecordingWriter
    private let clock: @Sendable () -> Timestamp
    private var pictures: [NodePicture]
    private var last: Timestamp?
    /// Nodes of which something is known.
    private var heard: Set<Int> = []
    private(set) var content = RecordingContent()

    init(_ writer: RecordingWriter, nodes: Int, clock: @escaping @Sendable () -> Timestamp) {
        self.writer = writer
        self.clock = clock
        self.pictures = (0..<nodes).map { _ in NodePicture() }
    }

    /// Pictures are its own: one that it shared with the recorder would be copied at each change.
    ///
    /// - Throws: ``RecordingError``; `.isFull` is no error.
    /// - Returns: whether there is room for more.
    func write(_ changes: [RecordedChange], of node: Int) throws -> Bool {
        for change in changes { self.pictures[node].apply(change) }
        guard !self.writer.isFull else { return false }
        // A recording begins with all its nodes, but does not wait for one that is slow to answer.
        let isFirst = self.writer.segments == 0
        let isNew = self.heard.insert(node).inserted
        guard !isFirst || self.heard.count == self.pictures.count || !isNew else { return true }
        let now = self.time()
        if isFirst {
            try self.writer.write(whole: self.pictures, at: now)
        } else {
            try self.writer.write(changes.map { RecordedLine(node: node, change: $0) }, at: now)
            if self.writer.wantsWhole { try self.writer.write(whole: self.pictures, at: now) }
        }
        self.content.count(changes, isFirst: isFirst)
        self.content.missed = self.pictures.reduce(MissedDetails()) { $0 + $1.missed }
        self.content.octets = self.writer.octets
        self.content.begins = self.content.begins ?? now
        self.content.ends = now
        return !self.writer.isFull
    }

    /// Time does not go back in a recording, whatever the machine's clock does.
    private func time() -> Timestamp {
        let now = max(self.clock(), self.last ?? self.clock())
        self.last = now
        return now
    }

    /// Writes how long it went, and ends the file.
    func end() throws {
        if self.writer.segments > 0 { try self.writer.write([], at: self.time()) }
        self.content.ends = self.last
        try self.writer.end()
        self.content.octets = self.writer.octets
    }
}

/// What is in a recording, so far.
public struct RecordingContent: Hashable, Sendable {
    public internal(set) var begins: Timestamp?
    public internal(set) var ends: Timestamp?
    /// Of the file.
    public internal(set) var octets = 0
    /// Those that happened meanwhile.
    public internal(set) var facts = 0
    /// Of which so much is known that each can be opened.
    public internal(set) var messages: Set<String> = []
    public internal(set) var dialogues: Set<SessionRef> = []
    public internal(set) var missed = MissedDetails()

    mutating func count(_ changes: [RecordedChange], isFirst: Bool) {
        for change in changes {
            switch change {
            case .fact, .entry: if !isFirst { self.facts += 1 }
            case .message(let detail): self.messages.insert(detail.ref.node + "/" + detail.ref.id)
            case .lines(let said): self.dialogues.insert(said.session.ref)
            default: break
            }
        }
    }
}
