import Mail
public import Monitor

extension Overview {
    /// How mail flows, and what needs attention.
    public func lines(on paper: Paper) -> [[Run]] {
        let uptime = Format.age(milliseconds: self.at.since(self.started))
        let listening = self.listening.isEmpty ? "listening nowhere" : "on \(self.listening.joined(separator: ", "))"
        let limit = self.sessionsInLimit > 0 ? " of \(Format.count(self.sessionsInLimit))" : ""
        let oldest = self.oldest.map { ", the oldest for \(Format.age(milliseconds: self.at.since($0)))" } ?? ""
        let unsettled = RecipientState.allCases.filter { !$0.isSettled }
        let fields: [(String, [Run])] = [
            ("node", [Run(self.node, .title), Run("  up \(uptime)", .muted)]),
            (
                "mail",
                [
                    self.isAccepting ? Run("is taken", .ok) : Run("is refused", .failed),
                    Run("  \(listening)", .muted),
                ]
            ),
            (
                "queue",
                [
                    Run(Words.counts(self.recipients.unsettled, self.queuedMessages), .title),
                    Run(", \(Format.octetsLong(self.queuedOctets))\(oldest)"),
                ]
            ),
            ("", unsettled.flatMap { self.count(self.recipients[$0], $0.word, $0.role) }),
            (
                "last 60 s",
                self.count(self.received.reduce(0, +), "received", .base, self.receiveP95)
                    + self.count(self.relayed.reduce(0, +), "relayed", .base, self.relayP95)
                    + self.count(self.deferred.reduce(0, +), "deferred", .deferred)
                    + self.count(self.bounced.reduce(0, +), "bounced", .bounced)
            ),
            (
                "in all",
                [
                    (self.totals.received, "received"), (self.totals.relayed, "relayed"),
                    (self.totals.deferredAttempts, "deferred"), (self.totals.bounced, "bounced"),
                    (self.totals.expired, "expired"), (self.totals.dropped, "dropped"),
                    (self.totals.reports, "reports made"),
                ].flatMap { self.count($0.0, $0.1, .base) }
            ),
            ("sessions", [Run("\(Format.count(self.sessionsIn))\(limit) in, \(Format.count(self.sessionsOut)) out")]),
        ]
        return fields.map { [Run($0.0.padded(11), .muted)] + $0.1 } + self.attention.map { $0.line(paper) }
            + Self.more(self.moreAttention.map { "and \(Format.count($0)) more to look at" })
            + (self.failures?.lines(paper) ?? [])
    }

    /// What is left out, where something is.
    fileprivate static func more(_ words: String?) -> [[Run]] { words.map { [[Run($0, .muted)]] } ?? [] }

    /// `1,234 received (p95 12ms)  `
    private func count(_ value: Int, _ word: String, _ role: Role, _ p95: Int? = nil) -> [Run] {
        let time = p95.map { " (p95 \(Format.took(milliseconds: Int64($0))))" } ?? ""
        return [Run(Format.count(value), value == 0 ? .muted : role), Run(" \(word)\(time)  ", .muted)]
    }
}

extension Attention {
    fileprivate func line(_ paper: Paper) -> [Run] {
        let count = self.count.map { " (\(Format.count($0)))" } ?? ""
        return [
            Run("\(paper.glyphs[self.severity.glyph]) ", self.severity.role), Run("\(self.subject) ", .title),
            Run(self.words + count, .muted),
        ]
    }
}

extension Failures {
    fileprivate func lines(_ paper: Paper) -> [[Run]] {
        self.groups.map { group in
            let state: RecipientState = group.deferred > 0 ? .deferred : .bounced
            return [
                Run("\(paper.glyphs[state.glyph]) ", state.role), Run("\(group.fingerprint.text): ", .title),
                Run(group.words(paper.now), .muted),
            ]
        } + Overview.more(self.moreWords)
    }
}
