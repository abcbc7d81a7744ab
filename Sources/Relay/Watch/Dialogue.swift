import DequeModule
import Mail
import Monitor
import SMTP

/// What was said in a session, within bounds: its beginning and its end are kept, what is between is elided.
///
/// It knows of which message's transaction a line is: between two transactions it keeps a mark with the queue ID of the first.
/// So a client's MAIL and RCPT are the message's, though it has its ID only from DATA on.
struct Dialogue: Sendable {
    /// Octets of dialogue kept from the start and from the end.
    static let headOctets = 16 << 10
    static let tailOctets = 48 << 10

    /// The number after the last line.
    private(set) var end = 0
    /// Lines that were dropped from the middle.
    private(set) var elided = 0
    /// A reply said no: 4yz or 5yz.
    private(set) var hasRefusal = false
    private var head: [Entry] = []
    private var headSize = 0
    private var tail: Deque<Entry> = []
    private var tailSize = 0
    /// The message of the transaction under way, once it is known.
    private var message: String?
    /// The message of the transaction that is over; what is still answered is about it.
    private var past: String?

    var octets: Int { self.headSize + self.tailSize }

    enum Said {
        case text(String)
        /// Kept as the value it is; its lines are written out only when somebody reads them.
        case reply(Reply)
        /// No line: what came since the last of these was of this message's transaction.
        case transaction(of: String)
    }

    private struct Entry {
        var number: Int
        var at: Timestamp
        var speaker: TranscriptLine.Speaker
        var said: Said
        var lines: Int {
            switch self.said {
            case .text: 1
            case .reply(let reply): reply.lines.count
            case .transaction: 0
            }
        }
        var octets: Int {
            switch self.said {
            case .text(let text): text.utf8.count + 32
            case .reply(let reply): reply.lines.reduce(32) { $0 + $1.utf8.count + 8 }
            case .transaction: 32
            }
        }
        func expanded() -> [TranscriptLine] {
            switch self.said {
            case .text(let text): [TranscriptLine(number: self.number, at: self.at, speaker: self.speaker, text: text)]
            case .reply(let reply):
                reply.lines.indices.map { index in
                    let last = index == reply.lines.count - 1
                    let code = reply.enhanced.map { "\($0) " } ?? ""
                    return TranscriptLine(
                        number: self.number + index, at: self.at, speaker: self.speaker,
                        text: "\(reply.code.rawValue)\(last ? " " : "-")\(code)\(reply.lines[index])")
                }
            case .transaction: []
            }
        }
    }

    // MARK: writing

    mutating func append(_ said: Said, _ speaker: TranscriptLine.Speaker, _ now: Timestamp) {
        if let past = self.past, speaker == .client || self.message != nil {
            self.past = nil
            self.keep(Entry(number: self.end, at: now, speaker: .relay, said: .transaction(of: past)))
        }
        if case .reply(let reply) = said, !reply.code.isPositive { self.hasRefusal = true }
        let entry = Entry(number: self.end, at: now, speaker: speaker, said: said)
        self.end += entry.lines
        self.keep(entry)
    }

    /// - Parameter message: the message of the transaction under way from now on; `nil`: none is, or it is not known.
    mutating func isAbout(_ message: String?) {
        guard self.message != message else { return }
        self.past = self.message ?? self.past
        self.message = message
    }

    private mutating func keep(_ entry: Entry) {
        let octets = entry.octets
        if self.tail.isEmpty, self.headSize + octets <= Self.headOctets {
            self.head.append(entry)
            self.headSize += octets
            return
        }
        self.tail.append(entry)
        self.tailSize += octets
        while self.tailSize > Self.tailOctets, self.tail.count > 1, let first = self.tail.popFirst() {
            self.tailSize -= first.octets
            self.elided += first.lines
        }
    }

    // MARK: reading

    /// At most `count` lines from line `from` on, of those that are kept.
    func lines(from: Int, count: Int) -> [TranscriptLine] {
        var lines: [TranscriptLine] = []
        for entry in self.entries(from: from) {
            lines += entry.expanded().filter { $0.number >= from }
            if lines.count >= count { break }
        }
        return Array(lines.prefix(count))
    }

    /// The lines from line `from` on that are of one message's transactions, as far as that is known.
    ///
    /// - Parameter from: where the last call ended, 0 at first.
    /// - Returns: also where the next call goes on: what is behind may be of the message, but has no queue ID yet.
    func lines(from: Int, of message: String) -> (lines: [TranscriptLine], next: Int) {
        var found: [TranscriptLine] = []
        var undecided: [Entry] = []
        var next = from
        for entry in self.entries(from: from) {
            // Lines on both sides of what is elided are not of one transaction for sure.
            if entry.number > next { undecided = [] }
            next = entry.number + entry.lines
            if case .transaction(let of) = entry.said {
                if of == message { found += undecided.flatMap { $0.expanded() } }
                undecided = []
            } else {
                undecided.append(entry)
            }
        }
        if let current = self.past ?? self.message {
            if current == message { found += undecided.flatMap { $0.expanded() } }
            return (found, self.end)
        }
        return (found, undecided.first?.number ?? self.end)
    }

    /// What is kept from line `from` on, also a mark in front of it. The newest are usually wanted: it looks from the end.
    private func entries(from: Int) -> some Sequence<Entry> {
        func isBefore(_ entry: Entry) -> Bool { entry.number < from && entry.number + entry.lines <= from }
        let inHead = self.head.lastIndex(where: isBefore).map { $0 + 1 } ?? 0
        let inTail = self.tail.lastIndex(where: isBefore).map { $0 + 1 } ?? 0
        return [Array(self.head[inHead...]), Array(self.tail[inTail...])].joined()
    }
}
