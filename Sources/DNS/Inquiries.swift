import NIOCore

/// The questions that wait or are under way, each once however many ask it.
struct Inquiries {
    typealias Recipient = @Sendable (RawAnswer) -> Void

    /// Questions under way at a time: each has a socket, and one more where signatures are looked for.
    static let mostUnderWay = 100
    /// Questions that wait. What is asked beyond that is not.
    static let longestLine = 200_000
    /// How long one waits in line before it is given up.
    static let patienceInLine = TimeAmount.seconds(60)

    private struct Waiting {
        var question: Question
        var deadline: NIODeadline
    }

    private var recipients: [Question: [Recipient]] = [:]
    private var line = CircularBuffer<Waiting>()
    /// Those that were begun, in order; some have been answered since.
    private var begun = CircularBuffer<Waiting>()
    private var underWay: [Question: NIODeadline] = [:]

    var isIdle: Bool { self.underWay.isEmpty }
    var isEmpty: Bool { self.recipients.isEmpty }

    mutating func add(_ question: Question, for recipient: @escaping Recipient, at now: NIODeadline) {
        if self.recipients[question] != nil {
            self.recipients[question]?.append(recipient)
        } else if self.line.count >= Self.longestLine {
            recipient(RawAnswer(failure: .unavailable("too many questions wait")))
        } else {
            self.recipients[question] = [recipient]
            self.line.append(Waiting(question: question, deadline: now + Self.patienceInLine))
        }
    }

    /// The next to be asked, if there may be one more.
    mutating func next(at now: NIODeadline, patience: TimeAmount) -> Question? {
        guard self.underWay.count < Self.mostUnderWay, let question = self.line.popFirst()?.question else { return nil }
        self.underWay[question] = now + patience
        self.begun.append(Waiting(question: question, deadline: now + patience))
        return question
    }

    mutating func answered(_ question: Question, _ answer: RawAnswer) {
        self.underWay[question] = nil
        for recipient in self.recipients.removeValue(forKey: question) ?? [] { recipient(answer) }
    }

    /// - Returns: those under way that took too long; whoever asked has been told.
    mutating func expire(at now: NIODeadline) -> [Question] {
        while let first = self.line.first, first.deadline <= now {
            self.line.removeFirst()
            self.answered(first.question, RawAnswer(failure: .timedOut))
        }
        var late: [Question] = []
        while let first = self.begun.first, first.deadline <= now || self.underWay[first.question] != first.deadline {
            self.begun.removeFirst()
            guard self.underWay[first.question] == first.deadline else { continue }
            late.append(first.question)
            self.answered(first.question, RawAnswer(failure: .timedOut))
        }
        return late
    }

    /// When ``expire(at:)`` has to be called at the latest.
    var deadline: NIODeadline? {
        switch (self.line.first?.deadline, self.begun.first?.deadline) {
        case (let one?, let other?): min(one, other)
        case (let one, let other): one ?? other
        }
    }

    mutating func failAll(_ failure: LookupFailure) {
        let recipients = self.recipients.values
        self = Inquiries()
        for recipient in recipients.joined() { recipient(RawAnswer(failure: failure)) }
    }
}
