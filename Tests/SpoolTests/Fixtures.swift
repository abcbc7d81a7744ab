import Foundation
import Mail
import NIOCore
import NIOPosix
import SMTP
import Testing

@testable import Spool

/// A spool in a folder of its own, which goes with it.
final class TemporarySpool {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("hoptop-spool-\(UUID())").path
    private(set) var spool: SQLiteSpool
    let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()

    init(
        maximumPages: Int? = nil, reserve: Int = Writer.reserve, gathering: TimeAmount = Writer.gathering,
        factsKept: Int64 = 200_000, factsKeptForReaders: Int64 = 2_000_000
    ) throws {
        self.spool = try SQLiteSpool(
            directory: self.path, node: 0, threads: .singleton, maximumPages: maximumPages, reserve: reserve,
            gathering: gathering
        ) { Store($0, $1, factsKept: factsKept, factsKeptForReaders: factsKeptForReaders) }
    }
    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func reopen(factsKept: Int64 = 200_000) async throws {
        await self.spool.close()
        self.spool = try SQLiteSpool(directory: self.path, node: 0, threads: .singleton, maximumPages: nil) {
            Store($0, $1, factsKept: factsKept)
        }
    }

    func files(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(self.path)/\(folder)")) ?? []).sorted()
    }
}

/// A spool under test, and what tests do with it.
protocol SpoolFixture {
    associatedtype Tested: Spool
    var spool: Tested { get }
    var loop: any EventLoop { get }
}

extension SpoolFixture {
    /// Accepts a message for so many recipients.
    @discardableResult
    func accept(
        recipients: Int = 1, from: ReversePath = .null, content: String = "Subject: hi\r\n\r\nhello\r\n"
    ) async throws -> SpooledMessage {
        let buffer = ByteBuffer(string: content)
        let message = self.message(recipients: recipients, from: from, octets: buffer.readableBytes)
        try await self.spool.accept(NewMessage(message, content: .buffer(buffer)), on: self.loop).get()
        return message
    }

    func message(recipients: Int = 1, from: ReversePath = .null, octets: Int) -> SpooledMessage {
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        return SpooledMessage(
            id: self.spool.nextID(at: now), arrived: now, reversePath: from,
            arrival: Arrival(peer: "192.0.2.7:40112", hello: "client.example", with: "ESMTP", session: "in#1"),
            contentOctets: octets,
            recipients: (0..<recipients).map { index in
                let mailbox = Mailbox(localPart: "u\(index)", domain: Domain("example.org"))
                return SpooledRecipient(index: index, forwardPath: .path(Path(mailbox: mailbox)), due: now)
            })
    }

    func settle(
        _ message: SpooledMessage, _ states: [RecipientState], generation: UInt32 = 0, report: NewMessage? = nil
    ) async throws -> Settled? {
        let outcomes = states.enumerated().map { index, state in
            Settlement.Outcome(
                index: index, generation: generation, state: state, nextHop: "192.0.2.1:25", reply: "as told",
                saidBy: .nextHop, remoteID: "R1", session: "out#1",
                security: SessionSecurity(tls: "TLSv1.3", isVerified: true), milliseconds: 12)
        }
        let settlement = Settlement(
            message: message.id, at: message.arrived, outcomes: outcomes, reports: report.map { [$0] } ?? [])
        return try await self.spool.settle([settlement], on: self.loop).get().first
    }

    func apply(_ action: Order.Action, _ targets: [RecipientTarget], at: Int64 = 1) async throws -> Applied {
        let order = Order(action, at: Timestamp(milliseconds: at), by: "ann")
        return try await self.spool.apply(order, on: targets, on: self.loop).get()
    }

    func content(of id: QueueID) async throws -> String {
        let source = try await self.spool.content(of: id, on: self.loop).get()
        return String(buffer: try await source.read(from: 0, count: source.octets, on: self.loop).get())
    }

    /// Takes back all of a drop, part by part.
    func undo(_ token: Int64, at: Int64) async throws -> Applied {
        var all = Applied()
        var last: QueueID?
        repeat {
            let now = Timestamp(milliseconds: at)
            let part = try await self.spool.undo(token, after: last, at: now, by: "bob", on: self.loop).get()
            all.changes += part.changes
            all.skipped.merge(part.skipped, uniquingKeysWith: +)
            last = part.end
        } while last != nil
        return all
    }

    /// Forgets all drops whose time is over.
    func purge(at: Int64) async throws {
        while try await self.spool.purge(at: Timestamp(milliseconds: at), on: self.loop).get() {}
    }

    /// All facts, in pages of that size, and how many are missing.
    func allFacts(inPagesOf count: Int = 100) async throws -> (facts: [Fact], missing: Int) {
        var all: (facts: [Fact], missing: Int) = ([], 0)
        var cursor = FactCursor.start
        while true {
            let page = try await self.spool.facts(after: cursor, count: count)
            guard !page.facts.isEmpty else { return all }
            all.facts += page.facts
            all.missing += page.missing
            cursor = page.end
        }
    }

    /// Accepts many at once.
    func acceptMany(_ count: Int) async throws -> [SpooledMessage] {
        let buffer = ByteBuffer(string: "abc")
        let messages = (0..<count).map { _ in self.message(octets: 3) }
        for future in messages.map({
            self.spool.accept(NewMessage($0, content: .buffer(buffer)), expectingMore: true, on: self.loop)
        }) {
            try await future.get()
        }
        return messages
    }
}

extension TemporarySpool: SpoolFixture {}

extension SpooledMessage {
    func target(_ index: Int = 0, generation: UInt32 = 0) -> RecipientTarget {
        RecipientTarget(message: self.id, index: index, generation: generation)
    }
}
