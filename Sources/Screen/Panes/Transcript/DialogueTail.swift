import Monitor

/// What was said in one session, read again as it goes on, to be shown without a cursor.
final class DialogueTail {
    private let feed: any MonitorFeed
    /// `nil`: there is none to be read.
    private(set) var session: SessionRef?
    private(set) var dialogue = DialogueList()
    /// It is no longer kept.
    private(set) var isGone = false
    /// What was said so far is here, even if that is nothing.
    private(set) var isRead = false
    /// It has ended, and all of it was read.
    private var isComplete = false

    private static let pageLines = 500

    init(_ feed: any MonitorFeed) { self.feed = feed }

    /// Another session's lines are forgotten.
    func follow(_ session: SessionRef?) {
        guard session != self.session else { return }
        self.session = session
        self.dialogue.forget()
        self.isGone = false
        self.isRead = false
        self.isComplete = false
    }

    /// What was said since.
    ///
    /// - Parameter took: what follows from lines that came, of the session that is followed then.
    func read(_ pane: some Pane, took: @escaping (SessionRef) -> Void = { _ in }) -> Read {
        let feed = self.feed
        return Read(
            pane.key("dialogue"),
            begin: {
                guard let session = self.session, !self.isComplete else { return nil }
                let end = self.dialogue.end
                return { (session, try await feed.transcript(session, from: end, count: Self.pageLines)) }
            },
            take: { (answer: (SessionRef, TranscriptPage?), _) in
                // It may be another one by now.
                guard answer.0 == self.session else { return [.read(self.read(pane, took: took))] }
                guard let page = answer.1 else {
                    self.isGone = self.dialogue.lines.isEmpty
                    return []
                }
                self.isGone = false
                self.isRead = true
                let goesOn = self.dialogue.take(page)
                self.isComplete = page.session.ended != nil && !goesOn
                took(answer.0)
                return goesOn ? [.read(self.read(pane, took: took))] : []
            }, failed: { [.say($0, .warning)] })
    }
}
