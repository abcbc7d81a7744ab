import Mail
import NIOCore
import NIOPosix
import Spool

@testable import hoptop

/// A spool that a power cut left, held against what was known before.
struct SpoolExamination {
    private static let loop = MultiThreadedEventLoopGroup.singleton.any()

    private let messages: [QueueID: SpooledMessage]
    private let facts: [QueueID: [Fact]]
    private let contents: [QueueID: ByteBuffer]
    private let counters: Counters
    private(set) var complaints: [String] = []

    /// - Parameters:
    ///   - sent: every message whose client ever saw its 250.
    ///   - acknowledged: those that had got it.
    /// - Returns: what is wrong; nothing, if the promise was kept.
    static func complaints(
        about directory: String, sent: [QueueID: Recording.Sent], acknowledged: Set<QueueID>
    ) async -> [String] {
        do {
            let spool = try SQLiteSpool(directory: directory, threads: .singleton)
            do {
                var examination = try await SpoolExamination(spool)
                await spool.close()
                examination.examine(sent, acknowledged)
                return examination.complaints
            } catch {
                await spool.close()
                throw error
            }
        } catch {
            return ["the spool cannot be read: \(error)"]
        }
    }

    private init(_ spool: SQLiteSpool) async throws {
        let messages = try await spool.lease(after: nil, count: .max).messages
        self.messages = Dictionary(uniqueKeysWithValues: messages.map { ($0.id, $0) })
        let facts = try await spool.facts(after: .start, count: .max).facts.compactMap { fact in
            fact.message.map { (id: $0, fact: fact) }
        }
        self.facts = Dictionary(grouping: facts, by: \.id).mapValues { $0.map(\.fact) }
        self.counters = try await spool.counters()
        var contents: [QueueID: ByteBuffer] = [:]
        for message in messages {
            let source = try await spool.content(of: message.id, on: Self.loop).get()
            contents[message.id] = try await source.read(from: 0, count: source.octets, on: Self.loop).get()
        }
        self.contents = contents
    }

    private mutating func examine(_ sent: [QueueID: Recording.Sent], _ acknowledged: Set<QueueID>) {
        for id in self.messages.keys { self.examineContent(of: id, sent[id]) }
        for id in acknowledged {
            self.examineRecipients(of: id, sent[id])
        }
        for (id, facts) in self.facts { self.examineReports(of: id, facts) }
        self.examineCounters()
    }

    /// Whole, our trace field with it.
    private mutating func examineContent(of id: QueueID, _ sent: Recording.Sent?) {
        guard let message = self.messages[id], var content = self.contents[id] else { return }
        guard content.readableBytes == message.contentOctets, !content.readableBytesView.contains(0) else {
            self.complaints.append("the content of \(id) is torn")
            return
        }
        // A report, or a message whose client saw no 250.
        guard let sent else { return }
        let trace = content.readString(length: content.readableBytes - sent.content.readableBytes) ?? ""
        if content != sent.content || !trace.hasPrefix("Received: from client.example ") || !trace.contains(" id \(id)")
        {
            self.complaints.append("the content of \(id) is not what was sent")
        }
    }

    /// Each is still to be served, or served as a fact says.
    private mutating func examineRecipients(of id: QueueID, _ sent: Recording.Sent?) {
        let message = self.messages[id]
        if let message, let sent, message.recipients.map(\.forwardPath) != sent.recipients {
            self.complaints.append("\(id) has other recipients")
        }
        // A client may have vanished before it read its 250; it had one recipient at least.
        for index in 0..<(message?.recipients.count ?? sent?.recipients.count ?? 1) {
            let isWaiting = message.map { !$0.recipients[index].state.isSettled } ?? false
            let isSettled = self.facts[id, default: []].contains { $0.recipient == index && $0.kind.settles }
            if isWaiting == isSettled {
                self.complaints.append("recipient \(index) of \(id) is \(isWaiting ? "settled and waits" : "lost")")
            }
        }
    }

    /// A bounce has its report, which is in the spool or has left it.
    private mutating func examineReports(of id: QueueID, _ facts: [Fact]) {
        for (place, bounce) in facts.enumerated() where bounce.kind == .bounced && bounce.from != "<>" {
            let report = facts[place...].first { $0.kind == .reported && $0.at == bounce.at }
                .flatMap { $0.text }.flatMap { QueueID($0) }
            let isThere = report.map { report in
                self.messages[report] != nil || self.facts[report, default: []].contains { $0.kind.settles }
            }
            if isThere != true { self.complaints.append("a bounce of \(id) is told to nobody") }
        }
    }

    private mutating func examineCounters() {
        let kinds = self.facts.values.joined().map(\.kind)
        for (kind, count) in [
            (Fact.Kind.accepted, self.counters.accepted), (.relayed, self.counters.relayed),
            (.bounced, self.counters.bounced), (.reported, self.counters.reports),
        ] where kinds.filter({ $0 == kind }).count != count {
            self.complaints.append("\(count) are counted as \(kind), and the facts are others")
        }
    }
}
