import Mail
import Monitor

/// The attempt that somebody asked for by a retry, from the order to its end: its dialogue as it goes on, or why nothing
/// happens yet.
final class AttemptWatch {
    private let feed: any MonitorFeed
    private let tail: DialogueTail
    /// The message as it was read last.
    private var detail: MessageDetail
    /// The recipient, as an index of its message's.
    private let recipient: Int
    /// When it was waited for first; `nil`: not yet.
    private var begun: Timestamp?
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
    /// Its lines that are shown: a session may be about other mail before and behind.
    private var stretch = 0..<0

    /// How long a session is waited for, in milliseconds.
    private static let patience: Int64 = 60_000

    /// - Parameter detail: as it was before the order.
    init(_ recipient: RecipientDetail, of detail: MessageDetail, _ feed: any MonitorFeed) {
        self.feed = feed
        self.tail = DialogueTail(feed)
        self.detail = detail
        self.recipient = recipient.ref.index
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
    /// What is shown, as the whole transcript shows it; `nil`: there is no session.
    var part: TranscriptPart? { self.session.map { self.part(in: $0) } }
    private func part(in session: SessionRef) -> TranscriptPart {
        let path = self.detail.recipients.first { $0.ref.index == self.recipient }?.forwardPath ?? ""
        var end: Timestamp?
        if case .over(let attempt) = self.state { end = attempt.at }
        return TranscriptPart(of: self.detail, path, session: session, end: end)
    }
    func isOf(_ row: QueueRow) -> Bool { QueueRow.identity(of: self.detail.ref) == row.identity }
    private var isOver: Bool { if case .over = self.state { true } else { false } }
    var isWaiting: Bool { if case .waiting = self.state { true } else { false } }

    // MARK: Reading

    /// The message, and then what was said.
    func read(_ pane: some Pane) -> Read {
        let (feed, ref) = (self.feed, self.detail.ref)
        return Read(
            pane.key("watched"),
            begin: { { try await feed.message(MessageRef(node: ref.node, id: ref.id, generation: 0)) } },
            // What is gone stays as it was seen last.
            take: { (detail: MessageDetail?, around) in self.look(at: detail ?? self.detail, pane, around.now) })
    }

    /// The message as it is by now.
    func look(at detail: MessageDetail, _ pane: some Pane, _ now: Timestamp) -> [Effect] {
        self.detail = detail
        let begun = self.begun ?? now
        self.begun = begun
        guard let recipient = detail.recipients.first(where: { $0.ref.index == self.recipient }) else { return [] }
        let attempts = detail.attempts.filter { $0.recipientIndex == self.recipient }
        if attempts.count > self.attemptsBefore, let last = attempts.last {
            self.state = .over(last)
        } else if let session = recipient.progress?.session {
            self.state = .live(session)
        } else if self.isWaiting, now.since(begun) > Self.patience {
            self.state = .abandoned
        }
        self.tail.follow(self.session)
        guard self.session != nil else { return [] }
        return [
            .read(
                self.tail.read(pane) { session in
                    self.stretch = self.part(in: session).stretch(in: self.tail.dialogue.lines)
                })
        ]
    }

    // MARK: Painting

    /// In a box, the newest lines, and when it is over those that decided it; while there is no session, why.
    ///
    /// - Parameters:
    ///   - name: of the message, where it is not said above; empty: it is.
    ///   - closing: the command that takes it away.
    ///   - canRepeat: a retry now would be for the same message.
    func paint(
        name: String = "", closing: Command = .back, canRepeat: Bool = true, _ painter: inout Painter, _ area: Rect,
        _ around: Surroundings
    ) {
        let state: Run
        switch self.state {
        case .waiting: state = Run("asked for", .queued)
        case .live(let session): state = Run("live in \(session.id)", .active)
        case .over(let attempt): state = Run(state: attempt.outcome, painter.glyphs)
        case .abandoned: state = Run("nothing was tried", .limited)
        }
        let title = [Run("Retry \(name.isEmpty ? "" : "of \(name) ")", .title), state]
        let inner = painter.box(
            area, title: title,
            right: (self.session == nil ? "" : around.sentence(.transcript, "transcript  "))
                + around.sentence(closing, "closes"))
        guard self.session == nil || self.tail.dialogue.lines.isEmpty else {
            self.tail.dialogue.paint(self.stretch, isOver: self.isOver, &painter, inner.inset(1, 0), around)
            return
        }
        for (line, text) in self.words(around, canRepeat).flatMap({ SafeText($0).wrapped(max(2, inner.width - 2)) })
            .prefix(inner.height).enumerated()
        {
            painter.text(text, x: inner.x + 1, y: inner.y + line, columns: inner.width - 2)
        }
    }

    /// What is said where there is no dialogue.
    private func words(_ around: Surroundings, _ canRepeat: Bool) -> [String] {
        let why = self.detail.recipients.first { $0.ref.index == self.recipient }?.whyWords(around.now)
        switch self.state {
        case .waiting: return ["No session yet."] + [why].compactMap { $0 }
        case .abandoned:
            let again = canRepeat ? "; \(around.sentence(.retry, "asks again"))" : ""
            return ["No session within a minute\(again)."] + [why].compactMap { $0 }
        case .live: return ["Connecting."]
        case .over(let attempt):
            return attempt.session == nil
                ? ["There was no session: \(attempt.reply ?? "no reason is known")"]
                : ["Its dialogue is no longer kept."]
        }
    }
}
