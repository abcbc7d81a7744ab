import Mail
import Monitor
import OrderedCollections

/// Which messages and dialogues are to be asked for, what matters most first.
struct DetailQuestions {
    /// Of messages that something happened to: what failed first.
    private var failed: OrderedSet<String> = []
    private var happened: OrderedSet<String> = []
    /// Of messages that are in the queue and were never asked for.
    private var waiting: OrderedSet<String> = []
    private var asked: Set<String> = []
    private var sessions: OrderedDictionary<String, SessionRef> = [:]
    /// Of failures, which are asked about first.
    private var failedSessions: OrderedDictionary<String, SessionRef> = [:]
    /// What was there and could not be asked for in time.
    var missed = MissedDetails()
    /// Messages and sessions of which the node knew nothing any more.
    private var lost: Set<String> = []
    /// The number after the last line that is known.
    private var ends: [String: Int] = [:]
    /// So many are remembered at most; what is older is asked for again, or not at all.
    private static let most = 20_000

    /// The time that questions may take.
    struct Budget {
        private let end: ContinuousClock.Instant
        init(_ time: Duration) { self.end = .now + time }
        var isLeft: Bool { ContinuousClock.now < self.end }
    }

    /// - Parameter isBefore: it happened before the recording began, so that nothing is missing which the node forgot.
    mutating func happened(_ fact: FactRow, isBefore: Bool) {
        if isBefore { self.lost.formUnion([fact.message, fact.session?.id].compactMap { $0 }) }
        let isOrdinary = fact.kind == .relayed || fact.kind == .accepted
        if let session = fact.session, self.ends[session.id] == nil || !isOrdinary {
            if isOrdinary { self.changed(session) } else { self.bound(\.failedSessions, adding: session) }
        }
        guard let id = fact.message else { return }
        if isOrdinary { self.happened.append(id) } else { self.failed.append(id) }
        self.bound(\.failed)
        self.bound(\.happened)
    }

    mutating func changed(_ row: QueueRow, from before: QueueRow?) {
        guard before != nil || self.asked.contains(row.ref.id) else {
            self.waiting.append(row.ref.id)
            return self.bound(\.waiting)
        }
        // How far an attempt is stands in the row.
        guard before?.ref != row.ref || before?.state != row.state else { return }
        self.happened.append(row.ref.id)
        self.bound(\.happened)
    }

    mutating func changed(_ row: ConnectionRow, isBefore: Bool) {
        if isBefore { self.lost.insert(row.ref.id) }
        self.changed(row.ref)
    }
    private mutating func changed(_ session: SessionRef) {
        guard self.failedSessions[session.id] == nil else { return }
        self.bound(\.sessions, adding: session)
    }

    private mutating func bound(_ set: WritableKeyPath<Self, OrderedSet<String>>) {
        let excess = self[keyPath: set].count - Self.most
        // In steps, since each drops from the front.
        guard excess > Self.most / 4 else { return }
        self[keyPath: set].removeFirst(excess)
        self.missed.messages += excess
    }
    private mutating func bound(
        _ sessions: WritableKeyPath<Self, OrderedDictionary<String, SessionRef>>, adding session: SessionRef
    ) {
        self[keyPath: sessions][session.id] = session
        let excess = self[keyPath: sessions].count - Self.most
        guard excess > Self.most / 4 else { return }
        let unheard = self[keyPath: sessions].keys.prefix(excess).filter { self.ends[$0] == nil }
        self[keyPath: sessions].removeFirst(excess)
        self.missed.dialogues += unheard.count
    }

    mutating func nextMessage() -> String? {
        let next =
            self.failed.popLast() ?? self.happened.popLast()
            ?? (self.waiting.isEmpty ? nil : self.waiting.removeFirst())
        guard let next else { return nil }
        self.happened.remove(next)
        self.waiting.remove(next)
        if self.asked.count > Self.most { self.asked = [] }
        self.asked.insert(next)
        return next
    }

    mutating func nextSession() -> SessionRef? {
        if !self.failedSessions.isEmpty {
            let next = self.failedSessions.removeLast().value
            self.sessions[next.id] = nil
            return next
        }
        return self.sessions.isEmpty ? nil : self.sessions.removeLast().value
    }

    mutating func lost(message id: String) {
        if self.isNew(id) { self.missed.messages += 1 }
    }
    mutating func lost(_ session: SessionRef) {
        if self.ends[session.id] == nil, self.isNew(session.id) { self.missed.dialogues += 1 }
    }
    private mutating func isNew(_ id: String) -> Bool {
        if self.lost.count > Self.most { self.lost = [] }
        return self.lost.insert(id).inserted
    }

    /// Nothing more will be asked.
    mutating func giveUp() {
        self.missed.messages += self.failed.union(self.happened).union(self.waiting).subtracting(self.asked).count
        let sessions = Set(self.failedSessions.keys).union(self.sessions.keys)
        let unheard = sessions.subtracting(self.ends.keys).subtracting(self.lost)
        self.missed.dialogues += unheard.count
        (self.failed, self.happened, self.waiting) = ([], [], [])
        (self.sessions, self.failedSessions) = ([:], [:])
    }

    func end(of session: SessionRef) -> Int { self.ends[session.id] ?? 0 }
    mutating func heard(_ session: SessionRef, upTo end: Int, isWhole: Bool) {
        if self.ends.count > Self.most { self.ends = [:] }
        self.ends[session.id] = end
        if !isWhole { self.changed(session) }
    }

    mutating func forgetSessions() {
        self.sessions = [:]
        self.failedSessions = [:]
        self.ends = [:]
    }
}

extension OrderedSet {
    fileprivate mutating func popLast() -> Element? { self.isEmpty ? nil : self.removeLast() }
}
