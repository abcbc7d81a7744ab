public import Mail

extension MessageDetail {
    /// What became of one recipient, as plain text for somebody who asked: the hops, why it is where it is, and what the
    /// other side said, word for word. Times are UTC. Each line is safe to show.
    public func ticket(_ recipient: RecipientDetail, _ now: Timestamp) -> [String] {
        func address(_ path: String) -> String { path == "<>" ? "(nobody: a report)" : Words.mailboxFirst(path) }
        let peer = [self.hello, self.peer.map { "[\($0)]" }].compactMap { $0 }.joined(separator: " ")
        var fields: [(String, String)] = [
            ("Message", "\(self.ref.id) at \(self.ref.node)"), ("From", address(self.from)),
            ("To", address(recipient.forwardPath)),
        ]
        if let subject = self.subject { fields.append(("Subject", subject)) }
        if let octets = self.contentOctets { fields.append(("Size", Format.octetsLong(octets))) }
        fields += [
            ("Received", "\(Self.time(self.arrived))\(peer.isEmpty ? "" : " from \(peer)")"),
            ("State", recipient.ticketState(now)), ("Why", recipient.whyWords(now)),
        ]
        if let words = recipient.explanation(now) { fields.append(("Meaning", words)) }
        if let reply = recipient.lastReply { fields.append(("Reply", reply)) }
        if let id = recipient.remoteID { fields.append(("Their ID", id)) }
        var lines = fields.flatMap { name, words in
            // A reply of several lines stays so, one below the other.
            words.split(separator: "\n").enumerated().map { ($0.offset == 0 ? name : "").padded(10) + $0.element }
        }
        let hops = self.claimedHops.map(Self.hop) + [self.ownHop(recipient)]
        lines += ["", "Hops (those before the last are what Received fields claim)"] + hops.map { "  \($0)" }
        let attempts = self.attempts.filter { $0.recipientIndex == recipient.ref.index }
        if !attempts.isEmpty { lines += ["", "Attempts"] + attempts.map { "  \(Self.attempt($0))" } }
        return lines.map { SafeText(line: DomainName.disclosing($0)).description }
    }

    /// `2026-11-24 09:00:00 UTC`
    private static func time(_ time: Timestamp) -> String {
        "\(time.rfc3339.prefix(10)) \(Format.clock(time)) UTC"
    }

    private static func hop(_ hop: ClaimedHop) -> String {
        let names = [hop.from, hop.by].compactMap { $0 }.joined(separator: " to ")
        let delay = hop.delay.map { " after \(Format.took(milliseconds: $0))\($0 < 0 ? " (a clock is wrong)" : "")" }
        return [hop.at.map(Self.time) ?? "at some time", names].joined(separator: "  ") + (delay ?? "")
    }

    private func ownHop(_ recipient: RecipientDetail) -> String {
        let next = recipient.relayedTo ?? recipient.nextHops.first ?? "no next hop"
        return "\(Self.time(self.arrived))  \(self.ref.node) to \(next): \(recipient.state.word)"
    }

    private static func attempt(_ attempt: AttemptRow) -> String {
        [
            self.time(attempt.at), attempt.nextHop ?? "-", attempt.outcome.word,
            attempt.milliseconds.map { "in \(Format.took(milliseconds: $0))" }, attempt.security?.protection,
            attempt.reply,
        ].compactMap { $0 }.joined(separator: "  ")
    }
}

extension RecipientDetail {
    /// `deferred: tried 6 times, next at 13:25 UTC`
    fileprivate func ticketState(_ now: Timestamp) -> String {
        var words =
            self.state.word + ": " + (self.tries == 0 ? "not tried yet" : "tried \(Format.plural(self.tries, "time"))")
        if let next = self.nextAttempt { words += ", next at \(Format.moment(next, now)) UTC" }
        if let settled = self.settledAt { words += ", at \(Format.moment(settled, now)) UTC" }
        return words
    }
}
