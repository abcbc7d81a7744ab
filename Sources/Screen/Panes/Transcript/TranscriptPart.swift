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
        let index = detail?.recipients.first { $0.forwardPath == forwardPath }?.ref.index ?? 0
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

    /// The lines that are about the recipient: with those in front, where its transaction is the session's first.
    func stretch(in lines: [TranscriptLine]) -> Range<Int> {
        let parts = Self.transactions(of: lines)
        guard let first = parts.first, let last = parts.last else { return 0..<lines.count }
        let own = parts.last { part in
            // Of the one under way no more than its MAIL may have been said.
            self.mayHold(part, in: lines) && self.isFrom(part, in: lines)
                && (self.isTo(part, in: lines) || part == last)
        }
        // Nothing was said of it yet in a session that is about other mail so far.
        guard let own else { return lines.count..<lines.count }
        return own == first ? 0..<own.upperBound : own
    }

    private func range(in lines: [TranscriptLine]) -> Range<Int> {
        guard self.end != nil else { return 0..<lines.count }
        let early = Self.transactions(of: lines).filter { self.mayHold($0, in: lines) }
        let own = early.last { self.isFrom($0, in: lines) && self.isTo($0, in: lines) }
        return own ?? early.last ?? 0..<lines.count
    }

    /// From each MAIL to the next.
    private static func transactions(of lines: [TranscriptLine]) -> [Range<Int>] {
        let starts = lines.indices.filter { lines[$0].begins("mail from:") }
        return starts.indices.map { index in
            starts[index]..<(index + 1 < starts.count ? starts[index + 1] : lines.count)
        }
    }

    /// A fact is written some time after its reply, so the time alone does not tell.
    private func mayHold(_ part: Range<Int>, in lines: [TranscriptLine]) -> Bool {
        self.end.map { lines[part.lowerBound].at <= $0 } ?? true
    }
    private func isFrom(_ part: Range<Int>, in lines: [TranscriptLine]) -> Bool {
        lines[part.lowerBound].text.lowercased().contains(self.from)
    }
    private func isTo(_ part: Range<Int>, in lines: [TranscriptLine]) -> Bool {
        part.contains { lines[$0].begins("rcpt to:") && lines[$0].text.lowercased().contains(self.to) }
    }
}
