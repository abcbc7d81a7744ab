import Mail
public import Monitor

extension MessageDetail {
    /// All that is known of the message: envelope, hops, recipients and why they are where they are, attempts.
    ///
    /// - Parameter hasText: also the header, and the beginning of the text.
    public func lines(on paper: Paper, hasText: Bool = false) -> [[Run]] {
        var lines = self.envelopeLines(paper) + self.hopLines(paper)
        lines += [[], [Run("Recipients", .header)]] + self.recipientLines(paper)
        lines += [[], [Run("Attempts", .header)]] + self.attemptLines(paper)
        guard hasText else { return lines }
        for part in [self.header, self.text].compactMap({ $0 }) {
            lines.append([])
            lines += part.split(separator: "\n", omittingEmptySubsequences: false).map {
                [Run(SafeText(line: $0), .base)]
            }
            if lines.last?.columns == 0 { lines.removeLast() }
        }
        return lines
    }

    private func envelopeLines(_ paper: Paper) -> [[Run]] {
        let age = self.stay(paper.now)
        let how = [self.with, self.hello, self.peer.map { "[\($0)]" }, self.user.map { "as \($0)" }, self.tls]
            .compactMap { $0 }.joined(separator: " ")
        var arrived = "\(Format.minute(self.arrived)) UTC, \(self.isSettled ? "was here" : "here") for \(age)"
        if let expires = self.expires, !self.isSettled {
            arrived += ", expires in \(Format.span(milliseconds: expires.since(paper.now)))"
        }
        let fields: [(String, [Run])] = [
            ("Message", [Run(self.ref.id, .title)]),
            ("From", [Run(address: self.from)] + self.parameters.map { Run(" \($0)", .muted) }),
            ("By", [Run(how.isEmpty ? "made here" : how, .muted)]), ("Subject", [Run(self.subject ?? "-", .title)]),
            ("Size", [Run(self.contentOctets.map(Format.octetsLong) ?? "-")]), ("Arrived", [Run(arrived)]),
        ]
        return fields.map { [Run($0.0.padded(9), .muted)] + $0.1 }
    }

    /// The ways that there are; those of many recipients are often one.
    private func hopLines(_ paper: Paper) -> [[Run]] {
        var told: Set<String> = []
        var lines: [[Run]] = []
        for recipient in self.recipients {
            let way = Way(of: self, recipient, at: 0, joined: [:], paper.surroundings)
            let parts = way.lines(columns: (paper.columns ?? .max) - 9, paper.glyphs)
            guard told.insert(parts.map { $0.path.map(\.text.description).joined() }.joined()).inserted else {
                continue
            }
            for part in parts {
                lines.append([Run((lines.isEmpty ? "Hops" : "").padded(9), .muted)] + part.path)
                let hasNotes = part.notes.contains { run in run.text.cells.contains { $0.text != " " } }
                if hasNotes { lines.append([Run("".padded(9))] + part.notes) }
            }
        }
        return lines
    }

    private func recipientLines(_ paper: Paper) -> [[Run]] {
        var table = TableLines(RecipientList.columns, on: paper)
        let header = table.header(self.recipients)
        return [header]
            + zip(self.recipients, table.lines(self.recipients)).flatMap { recipient, line in
                let room = paper.columns.map { max(20, $0 - 2) }
                let words = [recipient.explanation(paper.now), recipient.whyWords(paper.now)].compactMap { $0 }
                return [line]
                    + words.map { SafeText($0) }.flatMap { text in room.map { text.wrapped($0) } ?? [text] }
                    .map { [Run("  "), Run($0, .muted)] }
            }
    }

    private func attemptLines(_ paper: Paper) -> [[Run]] {
        guard !self.attempts.isEmpty else { return [[Run("none yet", .muted)]] }
        var table = TableLines(AttemptList.columns, on: paper, hasHeader: false)
        return zip(self.attempts, table.lines(self.attempts)).flatMap { attempt, line in
            let policy = attempt.security.flatMap { $0.policy == nil ? nil : [Run("  "), Run("\($0)", .muted)] }
            return [line] + (policy.map { [$0] } ?? [])
        }
    }
}
