import Mail
import Monitor

/// One place on a message's way, and how it got there.
struct Hop {
    enum Edge {
        /// Out of a Received field; anybody can write one.
        case claimed
        /// This relay, or another feed, saw it.
        case verified
        case active, waiting, deferred, hold, failed
    }
    /// `nil` at the first.
    var edge: Edge?
    var name: String
    var role: Role
    /// Below the name: a delay, `DATA 63%`, `in 12m`.
    var note: String = ""
    var noteRole: Role = .muted
}

extension Hop.Edge {
    func text(_ painter: Painter) -> String {
        let line = painter.sign("─", "-")
        switch self {
        case .claimed: return " \(line)c\(line) "
        case .verified: return " \(line)\(painter.glyph(.relayed))\(line) "
        case .active: return " \(painter.sign("══▶", "==>")) "
        case .waiting: return " \(line)\(painter.sign("·", "."))\(line) "
        case .deferred: return " \(line)\(painter.glyph(.deferred))\(line) "
        case .hold: return " \(line)\(painter.glyph(.hold))\(line) "
        case .failed: return " \(line)\(painter.glyph(.failed))\(line) "
        }
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

extension Screen {
    /// The way of one recipient: claimed hops, here, the next, and what other feeds know beyond.
    func hops(_ detail: MessageDetail, _ recipient: RecipientDetail, _ joined: [JoinKey: MessageDetail]) -> [Hop] {
        var hops = self.hopsBehind(detail)
        hops.append(
            Hop(
                edge: hops.isEmpty ? nil : .verified, name: detail.ref.node, role: .title,
                note: recipient.state.isSettled ? "" : recipient.state.word, noteRole: recipient.state.role))
        var node = self.current
        var recipient = recipient
        var here = detail
        for _ in 0..<16 {
            guard let key = self.joinKey(recipient, from: node), let further = joined[key],
                let next = further.recipients.first(where: { Self.mailbox($0) == Self.mailbox(recipient) })
                    ?? further.recipients.first
            else { break }
            let took = recipient.settledAt.map { $0.since(here.arrived) }
            if !hops.isEmpty, took != nil, hops[hops.count - 1].note.isEmpty {
                hops[hops.count - 1].note = took.map { Format.took(milliseconds: $0) } ?? ""
            }
            hops.append(
                Hop(
                    edge: .verified, name: self.nodes[key.node].entry.name, role: .hopVerified,
                    note: next.state.isSettled ? "" : next.state.word, noteRole: next.state.role))
            node = key.node
            recipient = next
            here = further
        }
        self.addAhead(of: recipient, &hops)
        return hops
    }
    private static func mailbox(_ recipient: RecipientDetail) -> Substring {
        let path = recipient.forwardPath.drop { $0 == "<" }
        let start = path.first == "@" ? path.firstIndex(of: ":").map { path.index(after: $0) } : nil
        return path[(start ?? path.startIndex)...].prefix { $0 != ">" }
    }

    private func hopsBehind(_ detail: MessageDetail) -> [Hop] {
        var hops: [Hop] = []
        for claim in detail.claimedHops where claim.by != detail.ref.node {
            if hops.isEmpty, let from = claim.from {
                hops.append(Hop(edge: nil, name: from, role: .hopClaimed))
            }
            let isOdd = (claim.delay ?? 0) < 0
            hops.append(
                Hop(
                    edge: hops.isEmpty ? nil : .claimed, name: claim.by ?? "?", role: .hopClaimed,
                    note: claim.delay.map { Format.took(milliseconds: $0) + (isOdd ? " clock?" : "") } ?? "",
                    noteRole: isOdd ? .limited : .hopClaimed))
        }
        let peer = detail.hello ?? detail.peer
        guard let peer else { return hops }
        if let last = hops.last, last.name.lowercased() == peer.lowercased() {
            hops[hops.count - 1].role = .hopVerified
        } else {
            hops.append(Hop(edge: hops.isEmpty ? nil : .claimed, name: peer, role: .hopVerified))
        }
        return hops
    }

    private func addAhead(of recipient: RecipientDetail, _ hops: inout [Hop]) {
        let next = recipient.relayedTo ?? recipient.nextHops.first
        let name = next.map { address in self.nodeListening(on: address).map { self.nodes[$0].entry.name } ?? address }
        let edge: Hop.Edge
        var note = ""
        var noteRole = recipient.state.role
        switch recipient.state {
        case .active:
            edge = .active
            note = recipient.progress?.words ?? ""
        case .queued: edge = .waiting
        case .deferred:
            edge = .deferred
            note = recipient.nextAttempt.map { "in " + Format.span(milliseconds: $0.since(self.now)) } ?? "deferred"
        case .hold: edge = .hold
        case .relayed:
            edge = .verified
            note = "relayed"
        case .bounced, .expired, .dropped:
            edge = .failed
            note = recipient.state.word
        }
        if let name {
            hops.append(
                Hop(
                    edge: edge, name: name, role: recipient.state == .active ? .hopNext : .base, note: note,
                    noteRole: noteRole))
        } else if !recipient.state.isSettled {
            noteRole = .failed
            hops.append(Hop(edge: edge, name: "no route", role: .failed, note: note, noteRole: noteRole))
        } else {
            hops.append(Hop(edge: edge, name: recipient.state.word, role: recipient.state.role))
            return
        }
        if recipient.state == .bounced || recipient.state == .expired || recipient.state == .dropped { return }
        for name in recipient.ahead { hops.append(Hop(edge: .waiting, name: name, role: .hopPending)) }
    }

    struct HopLine {
        var path: [Run] = []
        var notes: [Run] = []
        var columns = 0
    }

    func hopLine(
        _ detail: MessageDetail, _ recipient: RecipientDetail, _ joined: [JoinKey: MessageDetail], _ painter: Painter
    ) -> HopLine {
        Self.lines(self.hops(detail, recipient, joined), columns: .max, painter).first ?? HopLine()
    }

    /// In as many lines as it takes; a name's note stands below it.
    static func lines(_ hops: [Hop], columns: Int, _ painter: Painter) -> [HopLine] {
        var lines = [HopLine()]
        for hop in hops {
            let edge = hop.edge.map { SafeText($0.text(painter)) } ?? ""
            let name = SafeText(hop.name).fitted(min(36, max(4, columns - edge.columns)), mark: painter.elision)
            let note = SafeText(hop.note)
            let width = max(name.columns, note.columns)
            if lines[lines.count - 1].columns + edge.columns + width > columns, lines[lines.count - 1].columns > 0 {
                lines.append(HopLine())
            }
            var line = lines[lines.count - 1]
            line.path.append(Run(edge, hop.edge?.role ?? .base))
            line.path.append(Run(name, hop.role))
            line.path.append(Run(SafeText(blanks: width - name.columns), .base))
            line.notes.append(Run(SafeText(blanks: edge.columns), .base))
            line.notes.append(Run(note, hop.noteRole))
            line.notes.append(Run(SafeText(blanks: width - note.columns), .base))
            line.columns += edge.columns + width
            lines[lines.count - 1] = line
        }
        return lines
    }
}

extension Run {
    init(_ text: SafeText, _ role: Role) {
        self.text = text
        self.role = role
    }
}

extension SafeText {
    init(blanks count: Int) { self.init(String(repeating: " ", count: max(0, count))) }
}
