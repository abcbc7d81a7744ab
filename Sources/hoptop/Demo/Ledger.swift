import Mail
import NIOConcurrencyHelpers
import NIOCore

/// What became of every recipient that the generator sent to, as the two ends saw it.
final class Ledger: Sendable {
    /// One recipient of one message.
    struct Entry: Hashable, Sendable {
        /// The Message-ID.
        var message: String
        /// The mailbox in lower case.
        var mailbox: String
        init(_ message: String, _ mailbox: String) {
            self.message = message
            self.mailbox = mailbox.lowercased()
        }
    }

    private struct Books {
        var sent: Set<Entry> = []
        var relayed: Set<Entry> = []
        var bounced: Set<Entry> = []
        var reports = 0
        /// Arrivals of what had arrived before.
        var duplicates = 0
    }
    private let books = NIOLockedValueBox(Books())

    /// A 250 to the generator.
    func sent(_ entries: [Entry]) { self.books.withLockedValue { $0.sent.formUnion(entries) } }

    /// A message reached a mailbox.
    ///
    /// - Parameter isReport: it came from the null reverse-path.
    func arrived(_ content: ByteBuffer, for mailboxes: [String], isReport: Bool) {
        let entries = isReport ? Self.reported(in: content) : Self.entries(content, mailboxes)
        self.books.withLockedValue { books in
            if isReport { books.reports += 1 }
            let arrived: WritableKeyPath<Books, Set<Entry>> = isReport ? \.bounced : \.relayed
            for entry in entries where !books[keyPath: arrived].insert(entry).inserted { books.duplicates += 1 }
        }
    }

    static func entries(_ content: ByteBuffer, _ mailboxes: [String]) -> [Entry] {
        guard let message = MessageHeader(content).values(of: "Message-ID").first else { return [] }
        return mailboxes.map { Entry(message, $0) }
    }

    /// The recipients that a delivery status notification says have failed.
    static func reported(in report: ByteBuffer) -> [Entry] {
        let lines = String(buffer: report).split(whereSeparator: \.isNewline)
        // The report's own Message-ID comes first, the original's in the part at the end.
        guard let message = lines.last(where: { $0.hasPrefix("Message-ID: ") })?.dropFirst(12) else { return [] }
        let mark = "Final-Recipient: rfc822; "
        return lines.filter { $0.hasPrefix(mark) }.map { Entry(String(message), String($0.dropFirst(mark.count))) }
    }

    /// Recipients with a 250 that have not reached their mailbox, nor their sender a report.
    var missing: Set<Entry> {
        self.books.withLockedValue { $0.sent.subtracting($0.relayed).subtracting($0.bounced) }
    }

    var progress: String {
        self.books.withLockedValue { "sent \($0.sent.count), relayed \($0.relayed.count), bounced \($0.bounced.count)" }
    }

    struct Summary: CustomStringConvertible {
        var sent: Int
        var relayed: Int
        var bounced: Int
        var queued: Int
        var reports: Int
        /// Copies after a session that was cut off between a dot and its 250.
        var duplicates: Int
        /// Every recipient sent to has one fate, and no other.
        var addsUp: Bool

        var description: String {
            """
            sent: \(self.sent)
            relayed: \(self.relayed)
            bounced: \(self.bounced)
            queued: \(self.queued)
            dsns: \(self.reports)
            duplicates: \(self.duplicates)
            """
        }
    }

    /// - Parameter queued: what is still in a spool, as itself or as the subject of a report.
    func summary(queued: Set<Entry>) -> Summary {
        self.books.withLockedValue { books in
            // A session that was cut off after its dot leaves its message at both ends: it has arrived.
            let queued = queued.subtracting(books.relayed).subtracting(books.bounced)
            return Summary(
                sent: books.sent.count, relayed: books.relayed.count, bounced: books.bounced.count,
                queued: queued.count, reports: books.reports, duplicates: books.duplicates,
                addsUp: books.relayed.isDisjoint(with: books.bounced)
                    && books.sent == books.relayed.union(books.bounced).union(queued))
        }
    }
}
