import Foundation
import Mail
import NIOCore
import NIOPosix
import SMTP
import Spool

extension Case {
    /// Messages of 4 KiB made durable, and handed out after a start.
    static let spool: [Case] =
        [1, 20, 100].map { batch in
            Case("spool/accept and settle \(batch)", unit: "message", units: batch, steps: batch == 1 ? 100 : 10) {
                let spool = try TemporarySpool()
                let content = Content.text(octets: 4096)
                return { try spool.settle(try spool.accept(batch, content)) }
            }
        } + [
            Case("spool/accept and settle 20 of 50 recipients", unit: "message", units: 20, steps: 10) {
                let spool = try TemporarySpool()
                let content = Content.text(octets: 4096)
                return { try spool.settle(try spool.accept(20, content, recipients: 50)) }
            },
            Case("spool/recover 2000", unit: "message", units: 2000, steps: 2) {
                let spool = try TemporarySpool()
                _ = try spool.accept(2000, Content.text(octets: 256))
                return { try spool.recover(2000) }
            },
        ]
}

/// A spool in a folder of its own, which goes with it.
private final class TemporarySpool {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-spool-\(UUID())").path
    private let spool: SQLiteSpool
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let now = Timestamp(milliseconds: 1_800_000_000_000)
    private let from = ReversePath.path(
        Path(mailbox: Mailbox(localPart: "ann", domain: Domain("example.net"))))

    init() throws { self.spool = try SQLiteSpool(directory: self.path, threads: .singleton) }
    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    /// Accepts so many messages at once, as when so many sessions wait for their 250.
    func accept(_ count: Int, _ content: ByteBuffer, recipients: Int = 1) throws -> [SpooledMessage] {
        let messages = (0..<count).map { _ in self.message(octets: content.readableBytes, recipients: recipients) }
        let accepted = messages.map { self.spool.accept(NewMessage($0, content: .buffer(content)), on: self.loop) }
        try EventLoopFuture.andAllSucceed(accepted, on: self.loop).wait()
        return messages
    }

    /// All of them are relayed, and gone.
    func settle(_ messages: [SpooledMessage]) throws {
        let settlements = messages.map { message in
            Settlement(
                message: message.id, at: message.arrived,
                outcomes: message.recipients.map { recipient in
                    Settlement.Outcome(
                        index: recipient.index, generation: 0, state: .relayed, nextHop: "192.0.2.1:25",
                        reply: "250 2.0.0 Ok: queued as 4Q7K2B", remoteID: "4Q7K2B", session: "out#1", milliseconds: 12)
                })
        }
        let settled = try self.spool.settle(settlements, on: self.loop).wait()
        precondition(settled.allSatisfy { if case .done(_, isGone: true) = $0 { true } else { false } })
    }

    /// Takes up the whole queue, page by page, as a start does.
    func recover(_ count: Int) throws {
        let spool = self.spool
        let found = try self.loop.makeFutureWithTask {
            var found = 0
            var last: QueueID?
            while let page = try? await spool.lease(after: last, count: 1000).messages, !page.isEmpty {
                found += page.count
                last = page.last?.id
            }
            return found
        }.wait()
        precondition(found == count, "\(found) messages of \(count) were found")
    }

    private func message(octets: Int, recipients: Int) -> SpooledMessage {
        SpooledMessage(
            id: self.spool.nextID(at: self.now), arrived: self.now, reversePath: self.from,
            arrival: Arrival(peer: "192.0.2.7:40112", hello: "client.example", with: "ESMTP", session: "in#1"),
            contentOctets: octets,
            recipients: (0..<recipients).map { index in
                let mailbox = Mailbox(localPart: "bob\(index)", domain: Domain("example.org"))
                return SpooledRecipient(index: index, forwardPath: .path(Path(mailbox: mailbox)), due: self.now)
            })
    }
}
