import Mail
import Monitor

/// One place on a message's way, and how it got there.
struct Hop {
    enum Edge {
        /// A hop out of a Received field; anybody can write one.
        case claimed
        /// This relay, or another feed, saw it.
        case verified
        case active, waiting, deferred, hold, failed
    }
    /// `nil` at the first.
    var edge: Edge?
    var name: String
    var role: Role
    /// What stands below the name: a delay, `DATA 63%`, `in 12m`.
    var note: String = ""
    var noteRole: Role = .muted
    /// The note is about the way there, and not about what happens at the place.
    var isNoteOfEdge = false
    /// When it had the message, and how that is known.
    var time: Time?

    struct Time {
        let at: Timestamp
        /// By a header field alone (`c`); else by a node that had it, or handed it over (`E`).
        let isClaimed: Bool
    }
}

extension Hop.Edge {
    /// What a line to the hop has in its middle.
    func sign(_ glyphs: Glyphs) -> String {
        switch self {
        case .claimed: "c"
        case .verified: glyphs[.relayed]
        case .active: glyphs.sign("═══", "===")
        case .waiting: glyphs.sign("·", ".")
        case .deferred: glyphs[.deferred]
        case .hold: glyphs[.hold]
        case .failed: glyphs[.failed]
        }
    }
    fileprivate func text(_ glyphs: Glyphs) -> String {
        if self == .active { return " \(glyphs.sign("══▶", "==>")) " }
        let line = glyphs.sign("─", "-")
        return " \(line)\(self.sign(glyphs))\(line) "
    }
    var role: Role {
        switch self {
        case .claimed: .hopClaimed
        case .verified: .hopVerified
        case .active: .hopNext
        case .waiting: .hopPending
        case .deferred: .deferred
        case .hold: .hold
        case .failed: .failed
        }
    }
}

/// A message of another node.
struct JoinKey: Hashable, Sendable {
    var node: Int
    var id: String

    /// The message at the node that took it; `nil` when no feed is known for it.
    init?(_ recipient: RecipientDetail, from node: Int, nodes: [Node]) {
        guard let address = recipient.relayedTo, let id = recipient.remoteID,
            let other = nodes.firstIndex(where: { $0.listens(on: address) }), other != node
        else { return nil }
        self.node = other
        self.id = id
    }
}

/// The way of one recipient: claimed hops, here, the next, and what other feeds know beyond.
struct Way {
    private(set) var hops: [Hop] = []
    /// The hop that is the node whose message it is.
    private var here = 0

    /// - Parameters:
    ///   - node: whose message it is.
    ///   - joined: what other nodes know of it further on.
    init(
        of detail: MessageDetail, _ recipient: RecipientDetail, at node: Int, joined: [JoinKey: MessageDetail],
        _ around: Surroundings
    ) {
        self.addBehind(detail)
        self.here = self.hops.count
        self.add(Self.here(detail.ref.node, detail, recipient, edge: self.hops.isEmpty ? nil : .verified))
        var node = node
        var recipient = recipient
        var here = detail
        for _ in 0..<16 {
            guard let key = JoinKey(recipient, from: node, nodes: around.nodes), let further = joined[key],
                let next = further.recipients.first(where: { $0.mailbox == recipient.mailbox })
                    ?? further.recipients.first
            else { break }
            if let settled = recipient.settledAt, self.hops[self.hops.count - 1].note.isEmpty {
                self.hops[self.hops.count - 1].note = Format.took(milliseconds: settled.since(here.arrived))
            }
            self.add(Self.here(around.nodes[key.node].entry.name, further, next, edge: .verified, role: .hopVerified))
            node = key.node
            recipient = next
            here = further
        }
        self.addAhead(of: recipient, around)
    }

    private mutating func add(_ hop: Hop) { self.hops.append(hop) }

    private static func here(
        _ name: String, _ detail: MessageDetail, _ recipient: RecipientDetail, edge: Hop.Edge?, role: Role = .title
    ) -> Hop {
        Hop(
            edge: edge, name: name, role: role, note: recipient.state.isSettled ? "" : recipient.state.word,
            noteRole: recipient.state.role, time: Hop.Time(at: detail.arrived, isClaimed: false))
    }

    private mutating func addBehind(_ detail: MessageDetail) {
        for claim in detail.claimedHops where claim.by != detail.ref.node {
            if self.hops.isEmpty, let from = claim.from {
                self.add(Hop(edge: nil, name: from, role: .hopClaimed))
            }
            let isOdd = (claim.delay ?? 0) < 0
            self.add(
                Hop(
                    edge: self.hops.isEmpty ? nil : .claimed, name: claim.by ?? "?", role: .hopClaimed,
                    note: claim.delay.map { Format.took(milliseconds: $0) + (isOdd ? " clock?" : "") } ?? "",
                    noteRole: isOdd ? .limited : .hopClaimed, isNoteOfEdge: true,
                    time: claim.at.map { Hop.Time(at: $0, isClaimed: true) }))
        }
        guard let peer = detail.hello ?? detail.peer else { return }
        if let last = self.hops.last, last.name.lowercased() == peer.lowercased() {
            self.hops[self.hops.count - 1].role = .hopVerified
        } else {
            self.add(Hop(edge: self.hops.isEmpty ? nil : .claimed, name: peer, role: .hopVerified))
        }
    }

    private mutating func addAhead(of recipient: RecipientDetail, _ around: Surroundings) {
        let state = recipient.state
        let edge: Hop.Edge
        var note = ""
        switch state {
        case .active:
            edge = .active
            note = recipient.progress?.words ?? ""
        case .queued: edge = .waiting
        case .deferred:
            edge = .deferred
            note = recipient.nextAttempt.map { "in " + Format.span(milliseconds: $0.since(around.now)) } ?? state.word
        case .hold: edge = .hold
        case .relayed:
            edge = .verified
            note = state.word
        case .bounced, .expired, .dropped:
            edge = .failed
            note = state.word
        }
        if let next = recipient.relayedTo ?? recipient.nextHops.first {
            let name = around.nodeListening(on: next).map { around.nodes[$0].entry.name } ?? next
            self.add(
                Hop(
                    edge: edge, name: name, role: state == .active ? .hopNext : .base, note: note, noteRole: state.role,
                    isNoteOfEdge: true,
                    time: recipient.settledAt.map { Hop.Time(at: $0, isClaimed: false) }))
        } else if !state.isSettled {
            self.add(Hop(edge: edge, name: "no route", role: .failed, note: note, noteRole: .failed))
        } else {
            self.add(Hop(edge: edge, name: state.word, role: state.role))
            return
        }
        if edge == .failed { return }
        // A route names its first hop itself.
        let next = self.hops.last?.name
        for name in recipient.ahead.drop(while: { $0 == next }) {
            self.add(Hop(edge: .waiting, name: name, role: .hopPending))
        }
    }

    struct Line {
        var path: [Run] = []
        var notes: [Run] = []
        /// Something is told of one of its names.
        var hasNotes = false
        var columns = 0
    }

    /// The names on the way in one line, with what lies between them. Where there is not room for all, the first are left out:
    /// what is asked is where it is, and where it goes.
    func path(columns: Int, _ glyphs: Glyphs) -> [Run] {
        let steps = self.hops.map { hop in
            [
                Run(hop.edge.map { SafeText($0.text(glyphs)) } ?? "", hop.edge?.role ?? .base),
                Run(SafeText(address: hop.name).fitted(Self.nameColumns, mark: glyphs.elision), hop.role),
            ]
        }
        let all = Array(steps.joined())
        guard all.columns > columns, self.here > 0 else { return all }
        func from(_ start: Int) -> [Run] { [Run(glyphs.elision, .muted)] + steps[start...].joined() }
        return (1..<max(1, self.here)).lazy.map(from).first { $0.columns <= columns } ?? from(self.here)
    }
    private static let nameColumns = 36

    /// The way in as many lines as it takes; a name's note stands below it.
    func lines(columns: Int, _ glyphs: Glyphs) -> [Line] {
        var lines = [Line()]
        for hop in self.hops {
            let edge = hop.edge.map { SafeText($0.text(glyphs)) } ?? ""
            let room = min(Self.nameColumns, max(4, columns - edge.columns))
            let name = SafeText(address: hop.name).fitted(room, mark: glyphs.elision)
            let note = SafeText(hop.note)
            let width = max(name.columns, note.columns)
            if lines[lines.count - 1].columns + edge.columns + width > columns, lines[lines.count - 1].columns > 0 {
                lines.append(Line())
            }
            var line = lines[lines.count - 1]
            line.path.append(Run(edge, hop.edge?.role ?? .base))
            line.path.append(Run(name, hop.role))
            line.path.append(Run(SafeText(blanks: width - name.columns), .base))
            line.notes.append(Run(SafeText(blanks: edge.columns), .base))
            line.notes.append(Run(note, hop.noteRole))
            line.hasNotes = line.hasNotes || !note.isEmpty
            line.notes.append(Run(SafeText(blanks: width - note.columns), .base))
            line.columns += edge.columns + width
            lines[lines.count - 1] = line
        }
        return lines
    }
}

extension RecipientDetail {
    /// Its mailbox without the source route.
    fileprivate var mailbox: Substring {
        let path = self.forwardPath.drop { $0 == "<" }
        let start = path.first == "@" ? path.firstIndex(of: ":").map { path.index(after: $0) } : nil
        return path[(start ?? path.startIndex)...].prefix { $0 != ">" }
    }
}
