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

    mutating func happened(_ fact: FactRow) {
        guard let id = fact.message else { return }
        switch fact.kind {
        case .relayed, .accepted: self.happened.append(id)
        default: self.failed.append(id)
        }
        Self.bound(&self.failed)
        Self.bound(&self.happened)
    }

    mutating func changed(_ row: QueueRow, from before: QueueRow?) {
        guard before != nil || self.asked.contains(row.ref.id) else {
            self.waiting.append(row.ref.id)
            return Self.bound(&self.waiting)
        }
        // How far an attempt is stands in the row.
        guard before?.ref != row.ref || before?.state != row.state else { return }
        self.happened.append(row.ref.id)
        Self.bound(&self.happened)
    }

    mutating func changed(_ row: ConnectionRow) {
        self.sessions[row.ref.id] = row.ref
        if self.sessions.count > Self.most { self.sessions.removeFirst() }
    }

    private static func bound(_ set: inout OrderedSet<String>) {
        if set.count > self.most { set.removeFirst(set.count - self.most) }
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

    mutating func nextSession() -> SessionRef? { self.sessions.isEmpty ? nil : self.sessions.removeLast().value }

    func end(of session: SessionRef) -> Int { self.ends[session.id] ?? 0 }
    mutating func heard(_ session: SessionRef, upTo end: Int, isWhole: Bool) {
        if self.ends.count > Self.most { self.ends = [:] }
        self.ends[session.id] = end
        if !isWhole { self.sessions[session.id] = session }
    }

    mutating func forgetSessions() {
        self.sessions = [:]
        self.ends = [:]
    }
}

extension OrderedSet {
    fileprivate mutating func popLast() -> Element? { self.isEmpty ? nil : self.removeLast() }
}
