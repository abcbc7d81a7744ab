import Mail
import Monitor

/// A line of the tree of sessions: a group, a session in it, or those of it that are not shown.
enum SessionLine {
    case group(SessionGroup, isOpen: Bool)
    case session(ConnectionRow, of: SessionGroup, isLast: Bool)
    case more(Int, of: SessionGroup)

    /// The sessions of an open group that are shown below it; Enter on the group shows all in the view.
    static let sessionsShown = 50

    /// - Parameter open: the identities of the groups that are open.
    static func all(_ groups: [SessionGroup], open: Set<String?>) -> [SessionLine] {
        groups.flatMap { group -> [SessionLine] in
            guard open.contains(group.identity) else { return [.group(group, isOpen: false)] }
            let rest = group.rows.count - Self.sessionsShown
            let shown = group.rows.prefix(Self.sessionsShown)
            let sessions = shown.enumerated().map { number, row in
                SessionLine.session(row, of: group, isLast: rest <= 0 && number == shown.count - 1)
            }
            return [.group(group, isOpen: true)] + sessions + (rest > 0 ? [.more(rest, of: group)] : [])
        }
    }

    /// The group that it is, or is a part of.
    var group: SessionGroup {
        switch self {
        case .group(let group, _), .session(_, let group, _), .more(_, let group): group
        }
    }
    /// `nil`: it stands for several.
    var session: ConnectionRow? { if case .session(let row, _, _) = self { row } else { nil } }

    /// The same line at another moment.
    func isSame(as other: SessionLine) -> Bool {
        switch (self, other) {
        case (.group, .group), (.more, .more): self.group.identity == other.group.identity
        case (.session(let row, _, _), .session(let same, _, _)): row.ref == same.ref
        case (.group, _), (.session, _), (.more, _): false
        }
    }

    func name(_ grouping: SessionGrouping) -> String { self.session?.peerWords ?? self.group.value ?? grouping.absence }

    // MARK: Columns

    static func columns(_ grouping: SessionGrouping) -> [Column<SessionLine>] {
        [
            Column(grouping.rawValue.uppercased(), .share(16, weight: 3)) { $0.head(grouping, $1) },
            Self.count("IN", \.inbound), Self.count("OUT", \.outbound),
            Column("PHASE", .fixed(11), from: 70) { line, look in
                line.session.map { ConnectionList.phase($0, look) } ?? TableCell("")
            },
            Column("PROGRESS", .share(8, weight: 1), from: 100) { line, look in
                line.session.map { ConnectionList.progress($0, look) } ?? TableCell("")
            },
            Column("MSGS", .fixed(6), isRight: true, from: 50) { line, _ in
                Self.cell(line.number(\.messages, \.messages))
            },
            Column("RATE", .fixed(7), isRight: true, from: 60) { line, look in
                let rate = line.session.map { $0.rate(look.now) ?? 0 } ?? line.number(\.rate) { _ in 0 } ?? 0
                return TableCell(rate == 0 ? "-" : Format.octets(rate) + "/s", rate == 0 ? .muted : .active)
            },
            Column("IDLE", .fixed(5), isRight: true) { line, look in
                let own = line.session.flatMap { $0.ended == nil ? look.now.since($0.lastActivity) : nil }
                guard let idle = own ?? line.ofGroup(\.idle) else { return TableCell("-", .muted) }
                return TableCell(Format.roughAge(milliseconds: idle), idle > 60_000 ? .limited : .muted)
            },
            Column("OLDEST", .fixed(6), isRight: true, from: 60) { line, look in
                let own = line.session.flatMap { $0.ended == nil ? $0.started : nil }
                let oldest = own ?? line.ofGroup(\.oldest)
                return TableCell(oldest.map { Format.roughAge(milliseconds: look.now.since($0)) } ?? "-", .muted)
            },
        ]
    }

    private func head(_ grouping: SessionGrouping, _ look: RowLook) -> TableCell {
        switch self {
        case .group(let group, let isOpen):
            let sign = look.glyphs.sign(isOpen ? "▾" : "▸", isOpen ? "v" : ">")
            guard let value = group.value else { return TableCell("\(sign) \(grouping.absence)", .muted) }
            return TableCell("\(sign) \(look.place(value, value))", .title)
        case .session(let row, _, let isLast):
            let branch = look.glyphs.sign(isLast ? "└─" : "├─", isLast ? "`-" : "|-")
            let peer = look.place(row.peer, row.peerWords)
            return TableCell("  \(branch) \(row.ref.id)  \(peer)", row.ended == nil ? .base : .muted)
        case .more(let count, _):
            return TableCell("  \(look.glyphs.sign("└─", "`-")) \(Format.count(count)) more", .muted)
        }
    }

    /// What is known of a group, where this line is one.
    private func ofGroup<Value>(_ value: (SessionGroup) -> Value?) -> Value? {
        if case .group(let group, _) = self { value(group) } else { nil }
    }
    private func number(_ ofGroup: (SessionGroup) -> Int, _ ofSession: (ConnectionRow) -> Int) -> Int? {
        self.session.map(ofSession) ?? self.ofGroup(ofGroup)
    }
    private static func count(_ title: String, _ count: @escaping @Sendable (SessionGroup) -> Int)
        -> Column<SessionLine>
    {
        Column(title, .fixed(6), isRight: true) { line, _ in Self.cell(line.ofGroup(count)) }
    }
    private static func cell(_ count: Int?) -> TableCell {
        guard let count else { return TableCell("") }
        return TableCell(count == 0 ? "-" : Format.count(count, columns: 6), count == 0 ? .muted : .base)
    }
}
