import Mail
public import Monitor

extension JournalEntry {
    /// What happened, as one line: `2026-11-24T09:00:00Z relayed   4Q7K  ann@example.net to bob@example.org via …: 250 Ok`.
    ///
    /// - Parameter hasNode: entries of several nodes stand among each other.
    public func line(hasNode: Bool = false) -> [Run] {
        let fact = self.fact
        var line = [Run("\(fact.at.rfc3339.prefix(19))Z ", .muted)]
        if hasNode { line.append(Run("\(self.ref.node) ", .muted)) }
        line.append(Run(fact.kind.word.padded(9) + " ", fact.kind.role))
        if let message = fact.message { line.append(Run(message + "  ", .title)) }
        if let from = fact.from { line.append(Run(address: from)) }
        if let to = fact.to { line.append(Run(address: to, before: fact.from == nil ? "" : " to ")) }
        line += fact.kind == .accepted ? self.arrival : self.circumstances
        return line
    }

    /// How an accepted message came.
    private var arrival: [Run] {
        var words: [String] = []
        if let peer = self.peer {
            words.append("from \(peer)")
            if let hello = self.hello { words.append("(\(hello))") }
        } else if let with = self.with {
            words.append(with)
        }
        if let user = self.user { words.append("as \(user)") }
        if let octets = self.fact.contentOctets { words.append(Format.octetsLong(octets)) }
        if let messageID = self.messageID { words.append(messageID) }
        return [Run(" " + words.joined(separator: " "), .muted)]
    }

    private var circumstances: [Run] {
        var line: [Run] = []
        if let hop = self.fact.nextHop { line.append(Run(" via \(hop)", .muted)) }
        if let actor = self.fact.actor { line.append(Run(" by \(actor)", .title)) }
        if let text = self.fact.text {
            if !line.isEmpty || self.fact.from != nil || self.fact.to != nil { line.append(Run(": ", .muted)) }
            line.append(Run(reply: text))
        }
        return line
    }
}

extension JournalStatus {
    public func lines(on paper: Paper) -> [[Run]] {
        func moment(_ time: Timestamp?) -> String {
            time.map { "\(Format.minute($0)) UTC, \(Format.age(milliseconds: paper.now.since($0))) ago" } ?? "-"
        }
        let days = Format.span(milliseconds: self.ageLimit)
        var fields: [(String, Run)] = [
            ("entries", Run(Format.count(self.entries), .title)),
            ("oldest", Run(moment(self.oldest))),
            ("newest", Run(moment(self.newest))),
            (
                "size",
                Run("\(Format.octetsLong(self.octets)) of \(Format.octetsLong(self.octetsLimit)), \(days) at most")
            ),
            ("sessions", Run(Format.plural(self.transcripts, "transcript"))),
            ("behind", Run(Format.count(self.behind), self.behind == 0 ? .base : .limited)),
        ]
        if self.missing > 0 { fields.append(("missing", Run(Format.count(self.missing), .failed))) }
        if let directory = self.directory { fields.append(("folder", Run(directory))) }
        if let failure = self.failure { fields.append(("fails", Run(failure, .failed))) }
        return fields.map { [Run($0.0.padded(10), .muted), $0.1] }
    }
}
