import Foundation
import Mail
import Monitor
import Relay
import SMTP
import Spool

/// What is queued, in the form that `mailq` has had since sendmail.
struct MailQueue {
    /// A message as `mailq` shows it.
    private struct Entry {
        var id: String
        var isHeld: Bool
        var contentOctets: Int
        var arrived: Timestamp
        /// Paths with angle brackets.
        var from: String
        var recipients: [(to: String, lastReply: String?)]
    }

    private var messages = 0
    private var octets = 0

    /// Of a daemon that runs.
    static func show(_ feed: any MonitorFeed) async throws {
        var queue = MailQueue()
        let list = FeedList<QueueRow, MessageRef>(
            limit: nil, id: { MessageRef(node: $0.ref.node, id: $0.ref.id, generation: 0) },
            window: { try await feed.queue(QueueQuery(), window: $0) })
        _ = try await list.each { rows in
            for row in rows {
                // A row tells of one recipient; the others are asked for.
                let detail = row.recipients.unsettled > 1 ? try await feed.message(row.ref.id) : nil
                let waiting = detail?.recipients.filter { !$0.state.isSettled }.map {
                    ($0.forwardPath, $0.lastReply ?? Self.reason($0.why))
                }
                queue.show(
                    Entry(
                        id: row.ref.id, isHeld: row.recipients[.hold] == row.recipients.unsettled,
                        contentOctets: row.contentOctets ?? 0, arrived: row.arrived, from: row.from,
                        recipients: waiting ?? [(row.to, row.lastReply ?? Self.reason(row.why))]))
            }
        }
        queue.end()
    }

    /// Of a spool, whether a daemon has it or not.
    static func show(_ configuration: RelayConfiguration) throws(SendmailFailure) {
        if let database = configuration.spoolDatabase {
            throw SendmailFailure(
                .unavailable, "no relay answers here, and the queue is in \(database): start one, or ask at another")
        }
        var queue = MailQueue()
        var routes = RouteTable(configuration.routes)
        do throws(SpoolError) {
            try SpoolListing.messages(in: configuration.spoolDirectory) { message in
                let waiting = message.recipients.filter { !$0.state.isSettled }
                guard !waiting.isEmpty else { return }
                queue.show(
                    Entry(
                        id: "\(message.id)", isHeld: waiting.allSatisfy { $0.state == .hold },
                        contentOctets: message.contentOctets, arrived: message.arrived,
                        from: message.reversePath.description,
                        recipients: waiting.map { recipient in
                            (
                                recipient.forwardPath.description,
                                recipient.lastReply ?? Self.reason(recipient, &routes, configuration)
                            )
                        }))
            }
        } catch { throw SendmailFailure(.unavailable, error.description) }
        queue.end()
    }

    /// Why one waits of which no attempt tells.
    private static func reason(_ why: WaitReason?) -> String? {
        switch why {
        case .noRoute(let domain): RouteTable.missingRoute(domain)
        case .backoff(_, let reason), .lookup(_, let reason): reason
        case .suspended(let name, _, let reason): "suspended by \(name)" + (reason.map { ": \($0)" } ?? "")
        default: nil
        }
    }

    private static func reason(
        _ recipient: SpooledRecipient, _ routes: inout RouteTable, _ configuration: RelayConfiguration
    ) -> String? {
        guard recipient.state != .hold, recipient.via == nil else { return nil }
        let domain = RouteTable.routedDomain(of: recipient.forwardPath, hostname: configuration.hostname)
        return routes.nextHop(for: domain) == nil ? RouteTable.missingRoute(domain) : nil
    }

    private mutating func show(_ entry: Entry) {
        if self.messages == 0 {
            print("-Queue ID-   --Size-- -------Arrival Time (UTC)------ -Sender/Recipient-------")
        }
        self.messages += 1
        self.octets += entry.contentOctets
        let id = "\(entry.id)\(entry.isHeld ? "!" : " ")".padded(12)
        let size = "\(entry.contentOctets)".padded(left: 8)
        let date = String(entry.arrived.rfc5322.dropLast(6)).padded(27)
        let sender = entry.from == "<>" ? "MAILER-DAEMON" : Self.bare(entry.from)
        print("\(SafeText("\(id) \(size) \(date) \(sender)"))")
        var last: String?
        for recipient in entry.recipients {
            if let reply = recipient.lastReply, reply != last { print("    (\(SafeText(reply)))") }
            last = recipient.lastReply
            print(String(repeating: " ", count: 50) + "\(SafeText(Self.bare(recipient.to)))")
        }
        print()
    }

    private func end() {
        print(
            self.messages == 0
                ? "Mail queue is empty"
                : "-- \((self.octets + 1023) / 1024) Kbytes in \(self.messages) Request\(self.messages == 1 ? "" : "s")."
        )
    }

    private static func bare(_ path: String) -> String {
        path.hasPrefix("<") && path.hasSuffix(">") ? String(path.dropFirst().dropLast()) : path
    }
}
