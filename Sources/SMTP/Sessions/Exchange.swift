extension ClientSession {
    /// MAIL, the RCPTs and DATA of one transaction: what is sent of them, and what the replies were.
    ///
    /// With pipelining they go out as one group, else each waits for the reply to the one before. With chunks there is
    /// no DATA. Nothing else differs.
    struct Exchange: Sendable {
        enum Step: Equatable, Sendable {
            case goOn
            case sendContent
            /// There are recipients, and the first chunk may go.
            case sendChunks
            /// 354 came, though no recipient was accepted.
            case sendLoneDot
            /// The transaction is over, and no mail data was asked for.
            case nothingAccepted
            case malformed
        }

        /// What the transaction uses of what the server offers.
        struct Means: Sendable {
            var pipelining: Bool
            var chunks: Bool
            var dsn: Bool
            var smtpUTF8: Bool
        }

        let transaction: Transaction
        let means: Means
        private let mailLine: String
        /// The indices of the recipients that are tried.
        private let tried: [Int]
        /// Commands that are out, and replies that are in. In the order MAIL, each RCPT, DATA.
        private var sent = 0
        private var answered = 0
        /// `nil` while a recipient may still be relayed.
        private var outcomes: [Outcome?]
        private var accepted = 0

        /// - Parameter verdicts: on each recipient; `nil` for those to try, at least one.
        init(_ transaction: Transaction, verdicts: [Outcome?], mailLine: String, _ means: Means) {
            self.transaction = transaction
            self.mailLine = mailLine
            self.means = means
            self.outcomes = verdicts
            self.tried = verdicts.indices.filter { verdicts[$0] == nil }
        }

        private var count: Int { self.tried.count + (self.means.chunks ? 1 : 2) }

        var phase: SessionPhase { self.answered == 0 ? .mail : self.answered > self.tried.count ? .data : .rcpt }

        var recipientProgress: (answered: Int, total: Int) {
            (min(max(self.answered - 1, 0), self.tried.count), self.tried.count)
        }

        /// The outcomes, with `outcome` for everybody who has none yet.
        func settled(_ outcome: Outcome) -> [Outcome] { self.outcomes.map { $0 ?? outcome } }

        /// The next command line that may go out.
        mutating func nextCommand() -> String? {
            guard self.sent < self.count, self.means.pipelining || self.sent == self.answered else { return nil }
            defer { self.sent += 1 }
            if self.sent == 0 { return self.mailLine }
            if self.sent > self.tried.count { return "DATA" }
            return self.transaction.recipientLine(
                self.tried[self.sent - 1], dsn: self.means.dsn, smtpUTF8: self.means.smtpUTF8)
        }

        mutating func received(_ reply: Reply) -> Step {
            guard self.answered < self.sent else { return .malformed }  // It answers what was not asked.
            let index = self.answered
            if index > self.tried.count { return self.dataAnswered(reply) }
            let isNegative = reply.code.isTransient || reply.code.isPermanent
            guard reply.code.isCompletion || isNegative else { return .malformed }
            self.answered += 1
            if index == 0 {
                guard isNegative else { return .goOn }
                self.outcomes = self.settled(Outcome(refusedWith: reply))
                return self.means.pipelining ? .goOn : .nothingAccepted
            }
            let recipient = self.tried[index - 1]
            if isNegative {
                self.outcomes[recipient] = self.outcomes[recipient] ?? self.outcome(ofRecipientRefusedWith: reply)
            } else if self.outcomes[recipient] == nil {
                self.accepted += 1
            }
            return index == self.tried.count ? self.recipientsAnswered() : .goOn
        }

        private func recipientsAnswered() -> Step {
            if self.means.chunks { return self.accepted > 0 ? .sendChunks : .nothingAccepted }
            return self.accepted > 0 || self.means.pipelining ? .goOn : .nothingAccepted
        }

        private mutating func dataAnswered(_ reply: Reply) -> Step {
            if reply.code == 354 { return self.accepted > 0 ? .sendContent : .sendLoneDot }
            guard reply.code.isTransient || reply.code.isPermanent else { return .malformed }
            self.outcomes = self.settled(Outcome(refusedWith: reply))
            return .nothingAccepted
        }

        /// 552 is how old servers say "too many recipients", for which the code is 452 (RFC 5321 §4.5.3.1.10).
        private func outcome(ofRecipientRefusedWith reply: Reply) -> Outcome {
            if reply.code == 552, self.accepted > 0, reply.enhanced == nil || reply.enhanced == "5.5.3" {
                return .deferred(.reply(reply))
            }
            return Outcome(refusedWith: reply)
        }
    }
}
