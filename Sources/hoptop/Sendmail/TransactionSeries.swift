import SMTP

/// The transactions that the recipients of one message need in one session: a server may take only some of them at once
/// (RFC 9422).
struct TransactionSeries {
    private let whole: ClientSession.Transaction
    private var outcomes: [ClientSession.Outcome?]
    /// Those of the transaction under way.
    private var tried: [Int] = []

    init(_ transaction: ClientSession.Transaction) {
        self.whole = transaction
        self.outcomes = Array(repeating: nil, count: transaction.recipients.count)
    }

    /// `nil`: all recipients have had theirs.
    mutating func next() -> ClientSession.Transaction? {
        self.tried = self.outcomes.indices.filter { self.outcomes[$0] == nil }
        return self.tried.isEmpty ? nil : self.whole.only(self.tried)
    }

    mutating func finished(_ results: [ClientSession.Outcome]) {
        let isMoving = results.contains { !$0.isLeft }
        for (index, outcome) in zip(self.tried, results) where !(outcome.isLeft && isMoving) {
            self.outcomes[index] = outcome
        }
    }

    /// What is in hand counts; the rest has had no session.
    mutating func unusable(_ cause: ClientSession.DeferralCause, permanent: Reply?) {
        let failed = permanent.map { ClientSession.Outcome.bounced($0) } ?? .deferred(cause)
        self.outcomes = self.outcomes.map { $0 ?? failed }
    }

    /// What became of each recipient, in order.
    ///
    /// - Parameter phase: where the session has ended.
    func outcomes(lostIn phase: SessionPhase) -> [ClientSession.Outcome] {
        self.outcomes.map { $0 ?? .deferred(.connectionLost(phase)) }
    }
}

extension ClientSession.Transaction {
    /// The same for some of its recipients.
    fileprivate func only(_ indices: [Int]) -> ClientSession.Transaction {
        var part = self
        part.recipients = indices.map { self.recipients[$0] }
        part.recipientParameters = self.recipientParameters.isEmpty ? [] : indices.map { self.recipientParameters[$0] }
        return part
    }
}

extension ClientSession.Outcome {
    /// The relay takes it in another transaction.
    fileprivate var isLeft: Bool { if case .deferred(.beyondLimit) = self { true } else { false } }
}
