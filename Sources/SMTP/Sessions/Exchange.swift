extension ClientSession {
    /// MAIL, the RCPTs and DATA of one transaction: what is sent of them, and what the replies were.
    ///
    /// With pipelining they go out as one group, else each waits for the reply to the one before; nothing else differs.
    struct Exchange: Sendable {
        enum Step: Equatable, Sendable {
            case goOn
            case sendContent
            /// 354 came, though no recipient was accepted.
            case sendLoneDot
            /// The transaction is over, and no mail data was asked for.
            case nothingAccepted
            case malformed
        }

        private let transaction: Transaction
        private let pipelined: Bool
        /// Commands that are out, and replies that are in. In the order MAIL, each RCPT, DATA.
        private var sent = 0
        private var answered = 0
        /// `nil` while a recipient may still be relayed.
        private var outcomes: [Outcome?]
        private var accepted = 0

        init(_ transaction: Transaction, pipelined: Bool) {
            self.transaction = transaction
            self.pipelined = pipelined
            self.outcomes = Array(repeating: nil, count: transaction.recipients.count)
        }

        private var count: Int { self.transaction.recipients.count + 2 }

        var phase: SessionPhase { self.answered == 0 ? .mail : self.answered == self.count - 1 ? .data : .rcpt }

        var recipientProgress: (answered: Int, total: Int) {
            let total = self.transaction.recipients.count
            return (min(max(self.answered - 1, 0), total), total)
        }

        /// The outcomes, with `outcome` for everybody who has none yet.
        func settled(_ outcome: Outcome) -> [Outcome] { self.outcomes.map { $0 ?? outcome } }

        /// The next command line that may go out.
        mutating func nextCommand(for server: Server) -> String? {
            guard self.sent < self.count, self.pipelined || self.sent == self.answered else { return nil }
            defer { self.sent += 1 }
            if self.sent == 0 { return self.mail(for: server) }
            if self.sent == self.count - 1 { return "DATA" }
            return "RCPT TO:\(self.transaction.recipients[self.sent - 1])"
        }

        private func mail(for server: Server) -> String {
            var line = "MAIL FROM:\(self.transaction.reversePath)"
            if server.extensions.contains("SIZE") { line += " SIZE=\(self.transaction.contentOctets)" }
            let isEightBit = self.transaction.parameters.contains {
                $0.keyword == "BODY" && $0.value?.utf8.spells("8BITMIME") == true
            }
            if isEightBit, server.extensions.contains("8BITMIME") { line += " BODY=8BITMIME" }
            return line
        }

        mutating func received(_ reply: Reply) -> Step {
            guard self.answered < self.sent else { return .malformed }  // It answers what was not asked.
            let index = self.answered
            let isPositive = reply.code.isCompletion
            let isNegative = reply.code.isTransient || reply.code.isPermanent
            if index == self.count - 1 { return self.dataAnswered(reply) }
            guard isPositive || isNegative else { return .malformed }
            self.answered += 1
            if index == 0 {
                guard isNegative else { return .goOn }
                self.outcomes = self.settled(Outcome(refusedWith: reply))
                return self.pipelined ? .goOn : .nothingAccepted
            }
            let recipient = index - 1
            if isNegative {
                self.outcomes[recipient] = self.outcomes[recipient] ?? self.outcome(ofRecipientRefusedWith: reply)
            } else if self.outcomes[recipient] == nil {
                self.accepted += 1
            }
            let isLast = index == self.count - 2
            return isLast && self.accepted == 0 && !self.pipelined ? .nothingAccepted : .goOn
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
