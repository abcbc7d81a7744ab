import Mail
import Monitor

/// Which session's dialogue is wanted, and the part of it that is about one recipient of one message.
struct TranscriptPart {
    /// `nil`: there is none to be seen.
    let session: SessionRef?
    /// There was an attempt.
    private(set) var wasTried = false
    /// The part ended before this; `nil`: the whole session is meant.
    private let end: Timestamp?
    private var from = ""
    private var to = ""

    init(session: SessionRef?) {
        self.session = session
        self.end = nil
    }

    /// It goes on for as long as the session does.
    var isOpen: Bool { self.end == nil }

    /// The session of the recipient's last attempt, or else the one that the message came by.
    init(of detail: MessageDetail?, _ forwardPath: String) {
        let index = detail?.recipients.firstIndex { $0.forwardPath == forwardPath } ?? 0
        // That its time ran out is no attempt.
        let attempt = detail?.attempts.last { $0.recipientIndex == index && $0.outcome != .expired }
        self.init(
            of: detail, forwardPath, session: attempt.map(\.session) ?? detail?.session,
            end: attempt?.at ?? detail?.arrived)
        self.wasTried = attempt != nil
    }

    /// Why there is no session.
    var absence: String {
        self.wasTried
            ? "no transcript: there was no session, or it was before the relay started"
            : "no transcript: it has not been tried, and came before the relay started"
    }

    init(of detail: MessageDetail?, _ forwardPath: String, session: SessionRef?, end: Timestamp?) {
        self.init(from: detail?.from ?? "", to: forwardPath, session: session, end: end)
    }

    /// What was said about what happened.
    init(of fact: FactRow) {
        self.init(from: fact.from ?? "", to: fact.to ?? "", session: fact.session, end: fact.at)
    }

    private init(from: String, to: String, session: SessionRef?, end: Timestamp?) {
        self.session = session
        self.end = end
        self.from = Self.mailbox(from)
        self.to = Self.mailbox(to)
    }

    /// A mailbox in lower case, without brackets and source route.
    private static func mailbox(_ path: String) -> String {
        let bare = path.lowercased().drop { $0 == "<" }.prefix { $0 != ">" }
        guard bare.first == "@", let colon = bare.firstIndex(of: ":") else { return String(bare) }
        return String(bare[bare.index(after: colon)...])
    }

    /// Where to begin to read a dialogue that is over.
    ///
    /// - Returns: indexes of the line that the part begins with, and of the one to look at: its first error, or its first
    ///   line.
    func place(in lines: [TranscriptLine]) -> (start: Int, cursor: Int) {
        let part = self.range(in: lines)
        let error = part.first { lines[$0].isError }
        // A session that failed without a reply tells why in a remark of ours, its last.
        let remark = part.last { lines[$0].speaker == .relay }.flatMap { part.upperBound == lines.count ? $0 : nil }
        let answered = part.contains { lines[$0].speaker == .server }
        return (part.lowerBound, error ?? (answered ? nil : remark) ?? part.lowerBound)
    }

    /// Where the dialogue begins that is about the recipient: with the session, where its transaction is the first of it.
    func beginning(in lines: [TranscriptLine]) -> Int {
        let starts = lines.indices.filter { lines[$0].begins("mail from:") }
        let own = starts.last { start in
            lines[start].text.lowercased().contains(self.from)
                && (self.end.map { lines[start].at <= $0 } ?? true)
        }
        // Nothing was said of it yet in a session that is about other mail so far.
        guard let own else { return starts.isEmpty ? 0 : lines.count }
        return own == starts.first ? 0 : own
    }

    private func range(in lines: [TranscriptLine]) -> Range<Int> {
        guard let end = self.end else { return 0..<lines.count }
        let starts = lines.indices.filter { lines[$0].begins("mail from:") }
        let parts = starts.indices.map { index in
            starts[index]..<(index + 1 < starts.count ? starts[index + 1] : lines.count)
        }
        // A fact is written some time after its reply, so the time alone does not tell.
        let early = parts.filter { lines[$0.lowerBound].at <= end }
        let own = early.last { part in
            lines[part.lowerBound].text.lowercased().contains(self.from)
                && part.contains { lines[$0].begins("rcpt to:") && lines[$0].text.lowercased().contains(self.to) }
        }
        return own ?? early.last ?? 0..<lines.count
    }
}
