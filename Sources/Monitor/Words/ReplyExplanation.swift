public import Mail

/// A reply in plain words, for whoever has to tell a customer what it means.
public struct ReplyExplanation: Hashable, Sendable {
    /// The enhanced status code, or else the reply's; `nil`: it had none.
    public let code: String?
    /// What is the matter: begins in lower case, without a full stop.
    public let fault: String
    /// Who can do what about it: a sentence without its full stop; `nil`: nothing is known.
    public let remedy: String?

    /// - Parameter reply: as servers give it (`450 4.2.2 over quota`), or why there was none.
    /// - Returns: `nil` when nothing is known of it, or it was a success.
    public init?(_ reply: String) {
        let words = reply.split(whereSeparator: { " -\n".contains($0) }).prefix(2).map(String.init)
        let number = words.first.flatMap { $0.utf8.count == 3 ? Int($0) : nil }
        if let number, number < 400 { return nil }
        let enhanced = number != nil && words.count > 1 ? Self.enhanced(words[1]) : nil
        let text = reply.foldedASCII
        func spoken(_ table: [(words: [String], meaning: ReplyMeanings.Meaning)]) -> ReplyMeanings.Meaning? {
            table.first { $0.words.contains { text.contains($0) } }?.meaning
        }
        let coded = enhanced.flatMap { ReplyMeanings.codes[$0.key] }
        let known: ReplyMeanings.Meaning?
        if number == nil {
            known = spoken(ReplyMeanings.troubles)
        } else if let coded, let key = enhanced?.key, !ReplyMeanings.vague.contains(key) {
            known = coded
        } else {
            known = spoken(ReplyMeanings.texts) ?? coded ?? number.flatMap { ReplyMeanings.replies[$0] }
        }
        guard let known else { return nil }
        self.code = enhanced?.text ?? number.map(String.init)
        self.fault = known.fault
        self.remedy = known.remedy
    }

    /// `class.subject.detail` (RFC 3463 §2).
    private static func enhanced(_ word: String) -> (text: String, key: String)? {
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "4" || parts[0] == "5",
            parts.dropFirst().allSatisfy({ (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy { 48...57 ~= $0 } })
        else { return nil }
        return (word, "\(parts[1]).\(parts[2])")
    }
}

extension RecipientDetail {
    /// `4.2.2: the mailbox is full. The recipient has to make room; we try again at 13:25.`
    ///
    /// - Returns: `nil` when it had no reply yet, or nothing is known of it.
    public func explanation(_ now: Timestamp) -> String? {
        guard let reply = self.lastReply, let known = ReplyExplanation(reply) else { return nil }
        let next: String? =
            switch self.state {
            case .active: "we are trying again"
            case .queued: "we try again as soon as its turn comes"
            case .deferred: self.nextAttempt.map { "we try again at \(Format.moment($0, now))" }
            case .hold: "it is on hold, and not tried again before it is released"
            case .bounced, .expired: "the sender was told, and it is not tried again"
            case .dropped: "it was dropped, and nobody was told"
            case .relayed: nil
            }
        let after = [known.remedy, next].compactMap { $0 }.joined(separator: "; ")
        let sentences = [(known.code.map { "\($0): " } ?? "") + known.fault, after].filter { !$0.isEmpty }
        return sentences.map(\.capitalizedFirst).joined(separator: ". ") + "."
    }
}
