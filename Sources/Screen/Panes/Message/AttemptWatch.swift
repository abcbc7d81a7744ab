import Mail
import Monitor

/// The attempt that somebody asked for by a retry, from the order to its end: its dialogue as it goes on, or why nothing
/// happens yet.
struct AttemptWatch {
    /// The recipient, as an index of its message's.
    let recipient: Int
    private let begun: Timestamp
    /// Attempts for it that there were before.
    private let attemptsBefore: Int
    private enum State {
        case waiting
        case live(SessionRef)
        case over(AttemptRow)
        /// Nothing came in the time that is waited for it.
        case abandoned
    }
    private var state = State.waiting
    private var dialogue = DialogueList()
    /// Its lines that are shown: a session may be about other mail before and behind.
    private var stretch = 0..<0

    /// How long a session is waited for, in milliseconds.
    private static let patience: Int64 = 60_000

    init(_ recipient: RecipientDetail, of detail: MessageDetail, now: Timestamp) {
        self.recipient = recipient.ref.index
        self.begun = now
        self.attemptsBefore = detail.attempts.count { $0.recipientIndex == recipient.ref.index }
    }

    /// The session whose dialogue is shown; `nil`: there is none.
    var session: SessionRef? {
        switch self.state {
        case .waiting, .abandoned: nil
        case .live(let session): session
        case .over(let attempt): attempt.session
        }
    }
    /// The line from which on the dialogue is wanted.
    var end: Int { self.dialogue.end }
    private var isOver: Bool { if case .over = self.state { true } else { false } }
    var isWaiting: Bool { if case .waiting = self.state { true } else { false } }

    /// The message as it is by now.
    mutating func look(at detail: MessageDetail, _ now: Timestamp) {
        guard let recipient = detail.recipients.first(where: { $0.ref.index == self.recipient }) else { return }
        let attempts = detail.attempts.filter { $0.recipientIndex == self.recipient }
        if attempts.count > self.attemptsBefore, let last = attempts.last {
            if last.session != self.session { self.dialogue.forget() }
            self.state = .over(last)
        } else if let session = recipient.progress?.session {
            if session != self.session { self.dialogue.forget() }
            self.state = .live(session)
        } else if self.isWaiting, now.since(self.begun) > Self.patience {
            self.state = .abandoned
        }
    }

    /// - Returns: whether more of the dialogue is to be read.
    mutating func take(_ page: TranscriptPage, of detail: MessageDetail) -> Bool {
        guard page.session.ref == self.session else { return false }
        let goesOn = self.dialogue.take(page)
        let path = detail.recipients.first { $0.ref.index == self.recipient }?.forwardPath ?? ""
        var end: Timestamp?
        if case .over(let attempt) = self.state { end = attempt.at }
        self.stretch = TranscriptPart(of: detail, path, session: self.session, end: end).stretch(
            in: self.dialogue.lines)
        return goesOn
    }

    /// In a box, the newest lines, and when it is over those that decided it; while there is no session, why.
    func paint(_ detail: MessageDetail, _ painter: inout Painter, _ area: Rect, _ around: Surroundings) {
        let title: [Run]
        switch self.state {
        case .waiting: title = [Run("Retry ", .title), Run("asked for", .queued)]
        case .live(let session): title = [Run("Retry ", .title), Run("live in \(session.id)", .active)]
        case .over(let attempt):
            title = [Run("Retry ", .title), Run(state: attempt.outcome, painter.glyphs)]
        case .abandoned: title = [Run("Retry ", .title), Run("nothing was tried", .limited)]
        }
        let inner = painter.box(
            area, title: title,
            right: (self.session == nil ? "" : around.sentence(.transcript, "transcript  "))
                + around.sentence(.back, "closes"))
        guard self.session == nil || self.dialogue.lines.isEmpty else {
            self.dialogue.paint(self.stretch, isOver: self.isOver, &painter, inner.inset(1, 0), around)
            return
        }
        for (line, text) in self.words(detail, around).flatMap({ SafeText($0).wrapped(max(2, inner.width - 2)) })
            .prefix(inner.height).enumerated()
        {
            painter.text(text, x: inner.x + 1, y: inner.y + line, columns: inner.width - 2)
        }
    }

    /// What is said where there is no dialogue.
    private func words(_ detail: MessageDetail, _ around: Surroundings) -> [String] {
        let why = detail.recipients.first { $0.ref.index == self.recipient }?.whyWords(around.now)
        switch self.state {
        case .waiting: return ["No session yet."] + [why].compactMap { $0 }
        case .abandoned:
            return ["No session within a minute; \(around.sentence(.retry, "asks again."))"] + [why].compactMap { $0 }
        case .live: return ["Connecting."]
        case .over(let attempt):
            return attempt.session == nil
                ? ["There was no session: \(attempt.reply ?? "no reason is known")"]
                : ["Its dialogue is no longer kept."]
        }
    }
}
