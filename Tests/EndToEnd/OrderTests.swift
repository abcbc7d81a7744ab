import Logging
import Mail
import Monitor
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Relay
import SMTP
import Spool
import Testing

@testable import hoptop

/// A spool that puts orders off.
private final class SlowSpool: Spool {
    let spool: SQLiteSpool
    /// None is written before.
    let earliest = NIOLockedValueBox(Timestamp(milliseconds: 0))
    init(_ spool: SQLiteSpool) { self.spool = spool }

    func apply(_ order: Order, on targets: [RecipientTarget], on loop: any EventLoop) -> EventLoopFuture<Applied> {
        let wait = max(0, self.earliest.withLockedValue { $0 }.since(.now))
        return loop.scheduleTask(in: .milliseconds(wait)) {}.futureResult
            .flatMap { self.spool.apply(order, on: targets, on: loop) }
    }

    func nextID(at now: Timestamp) -> QueueID { self.spool.nextID(at: now) }
    func newContentFile(for id: QueueID) -> any StreamedContent { self.spool.newContentFile(for: id) }
    func accept(_ message: NewMessage, expectingMore: Bool, on loop: any EventLoop) -> EventLoopFuture<Void> {
        self.spool.accept(message, expectingMore: expectingMore, on: loop)
    }
    func settle(_ settlements: [Settlement], on loop: any EventLoop) -> EventLoopFuture<[Settled]> {
        self.spool.settle(settlements, on: loop)
    }
    func undo(
        _ token: Int64, after id: QueueID?, at now: Timestamp, by actor: String, on loop: any EventLoop
    ) -> EventLoopFuture<Applied> {
        self.spool.undo(token, after: id, at: now, by: actor, on: loop)
    }
    func purge(at time: Timestamp, by order: PurgeOrder?, on loop: any EventLoop) -> EventLoopFuture<Bool> {
        self.spool.purge(at: time, by: order, on: loop)
    }
    func set(
        _ terms: StandingRule.Terms, at now: Timestamp, by actor: String, on loop: any EventLoop
    ) -> EventLoopFuture<StandingRule> { self.spool.set(terms, at: now, by: actor, on: loop) }
    func end(
        rule id: Int64, at now: Timestamp, by actor: String?, on loop: any EventLoop
    ) -> EventLoopFuture<StandingRule?> { self.spool.end(rule: id, at: now, by: actor, on: loop) }
    func rules() async throws -> KeptRules { try await self.spool.rules() }
    func note(_ facts: [Fact], on loop: any EventLoop) -> EventLoopFuture<Void> {
        self.spool.note(facts, on: loop)
    }
    func content(of id: QueueID, on loop: any EventLoop) -> EventLoopFuture<any ContentSource> {
        self.spool.content(of: id, on: loop)
    }
    func message(_ id: QueueID) async throws -> SpooledMessage? { try await self.spool.message(id) }
    func lease(after id: QueueID?, count: Int) async throws -> Lease {
        try await self.spool.lease(after: id, count: count)
    }
    func facts(after cursor: FactCursor, count: Int) async throws -> FactPage {
        try await self.spool.facts(after: cursor, count: count)
    }
    func undoable(at now: Timestamp) async throws -> [UndoableDrop] { try await self.spool.undoable(at: now) }
    func newestFacts(count: Int) async throws -> FactPage { try await self.spool.newestFacts(count: count) }
    func acknowledge(_ cursor: FactCursor, as reader: String, on loop: any EventLoop) -> EventLoopFuture<Void> {
        self.spool.acknowledge(cursor, as: reader, on: loop)
    }
    func acknowledged(by reader: String) async throws -> FactCursor? {
        try await self.spool.acknowledged(by: reader)
    }
    func forget(reader: String, on loop: any EventLoop) -> EventLoopFuture<Void> {
        self.spool.forget(reader: reader, on: loop)
    }
    func facts(of id: QueueID) async throws -> [Fact] { try await self.spool.facts(of: id) }
    func counters() async throws -> Counters { try await self.spool.counters() }
    var tallies: any TallyStore { self.spool.tallies }
    var policies: any PolicyStore { self.spool.policies }
    var condition: any SpoolCondition { self.spool }
    func close() async { await self.spool.close() }
}

extension EndToEnd {
    @Suite("orders and attempts that meet", .timeLimit(.minutes(1)))
    struct OrderTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        @Test("an attempt whose time comes while a hold is written does not begin; released, the message goes once")
        func holdMeetsRetry() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            var configuration = RelayConfiguration(
                hostname: "mx.example.net", listen: [Listener(SocketEndpoint(host: "127.0.0.1", port: 0))],
                spoolDirectory: "\(self.folder.path)/spool")
            configuration.retry.first = 2500
            configuration.routes = [
                Route(pattern: try #require(DomainPattern("*")), via: [farEnd.endpoint])
            ]
            let spool = SlowSpool(
                try SQLiteSpool(directory: configuration.spoolDirectory, threads: .singleton))
            let relay = Relay(
                configuration, keyring: try Keyring(configuration), spool: spool, threads: .singleton,
                log: silence)
            try await relay.start()
            let feed = relay.feed(user: "test")
            func row() async throws -> QueueRow? {
                try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 1)).rows.first
            }
            try await relay.send(to: ["<u@grey.example>"])
            ledger.sent([Ledger.Entry("<1@c>", "u@grey.example")])
            // Greylisted at first; the second attempt would be taken, and falls due while the hold is on its way.
            #expect(try await eventually { try await row()?.state == .deferred })
            let next = try #require(try await row()?.nextAttempt)
            spool.earliest.withLockedValue { $0 = next.adding(milliseconds: 600) }
            let ref = try #require(try await row()?.ref)
            let held = try await feed.perform(.hold, on: .messages(references: [ref], matching: .all))
            #expect(held.done == 1)
            try await Task.sleep(for: .milliseconds(500))
            #expect(try await row()?.state == .hold)
            #expect(!ledger.missing.isEmpty)

            let now = try #require(try await row()?.ref)
            #expect(try await feed.perform(.release, on: .messages(references: [now], matching: .all)).done == 1)
            #expect(try await eventually { ledger.missing.isEmpty })
            let facts = try await feed.facts(after: "", count: 100).rows.map(\.kind)
            #expect(facts == [.accepted, .deferred, .held, .released, .relayed])
            await relay.stop()
            await farEnd.stop()
        }

        @Test("an order that takes several parts is one order, with one count and one way back")
        func parts() async throws {
            let relay = try await Relay.startedWithoutRoutes(in: self.folder)
            let feed = relay.feed(user: "test")
            // A part ends behind the second message.
            for message in 1...3 {
                try await relay.send(to: (1...400).map { "<u\($0)@m\(message).example>" })
            }
            func all() async throws -> Targets { .frozen(set: try await feed.freeze(QueueQuery()).id) }
            let dropped = try await feed.perform(.drop, on: try await all())
            #expect((dropped.done, dropped.messages, dropped.skipped) == (1200, 3, [:]))
            #expect(try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 1)).total == 0)

            let undone = try await feed.undo(try #require(dropped.undo))
            #expect((undone.done, undone.messages, undone.skipped) == (1200, 3, [:]))
            #expect(
                try await eventually {
                    try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 1)).total == 3
                })
            let held = try await feed.perform(.hold, on: try await all())
            #expect((held.done, held.messages) == (1200, 3))
            let bounced = try await feed.perform(.bounce, on: try await all())
            #expect((bounced.done, bounced.messages, bounced.skipped) == (1200, 3, [:]))
            // A report tells of 100 recipients.
            let overview = try await feed.overview()
            #expect(overview.queuedMessages == 12)
            // What clients handed over is one number, wherever it stands.
            #expect(overview.received.reduce(0, +) == 3)
            #expect((overview.totals.received, overview.totals.reports) == (3, 12))
            await relay.stop()
        }

        @Test("the reason of a hold stands beside the mail, and that of a bounce in the report to its sender")
        func reasons() async throws {
            let relay = try await Relay.startedWithoutRoutes(in: self.folder)
            let feed = relay.feed(user: "test")
            try await relay.send(to: ["<a@one.example>"])
            func rows() async throws -> [QueueRow] {
                try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 10)).rows
            }
            func all() async throws -> Targets { .frozen(set: try await feed.freeze(QueueQuery()).id) }
            #expect(try await eventually { try await rows().count == 1 })
            let id = try #require(try await rows().first?.ref.id)
            await #expect(throws: FeedError.self) { try await feed.perform(.drop, on: try await all(), because: "no") }
            await #expect(throws: FeedError.self) {
                try await feed.perform(.hold, on: try await all(), because: "two\r\nlines")
            }
            let held = try await feed.perform(.hold, on: try await all(), because: "looks like spam")
            #expect(held.done == 1)
            let why = try await feed.message(id)?.recipients.first?.why
            #expect(why == .held(by: "test", reason: "looks like spam"))
            let bounced = try await feed.perform(.bounce, on: try await all(), because: "one.example has moved")
            #expect(bounced.done == 1)
            let report = try #require(try await rows().first)
            #expect(report.ref.id != id)
            let page = try #require(try await feed.content(of: report.ref, from: 0, count: 10_000))
            #expect(String(decoding: page.octets, as: UTF8.self).contains("one.example has moved"))
            await relay.stop()
        }

        @Test("what was done to the same mail is taken back one after the other, whatever came in between")
        func oneAfterTheOther() async throws {
            let relay = try await Relay.startedWithoutRoutes(in: self.folder)
            let feed = relay.feed(user: "test")
            // Nothing but these orders changes them.
            try await relay.send(to: ["<a@one.example>", "<b@two.example>"])
            func all() async throws -> Targets { .frozen(set: try await feed.freeze(QueueQuery()).id) }
            func states() async throws -> [RecipientState] {
                let rows = try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 10)).rows
                return rows.flatMap { row in
                    RecipientState.allCases.flatMap { Array(repeating: $0, count: row.recipients[$0]) }
                }
            }
            #expect(try await eventually { try await states().count == 2 })
            let held = try await feed.perform(.hold, on: try await all())
            let rerouted = try await feed.reroute(try await all(), via: "127.0.0.1:9")
            let dropped = try await feed.perform(.drop, on: try await all())
            #expect([held.done, rerouted.done, dropped.done] == [2, 2, 2])
            #expect(try await feed.undo(try #require(dropped.undo)).done == 2)
            let backOnRoute = try await feed.reroute(.frozen(set: try #require(rerouted.touched)), via: nil)
            #expect((backOnRoute.done, backOnRoute.skipped) == (2, [:]))
            let released = try await feed.perform(.release, on: .frozen(set: try #require(held.touched)))
            #expect((released.done, released.skipped) == (2, [:]))
            #expect(try await states() == [.queued, .queued])
            // And forward again.
            let again = try await feed.perform(.hold, on: .frozen(set: try #require(released.touched)))
            #expect((again.done, again.skipped) == (2, [:]))
            // Somebody else's change is none of these.
            _ = try await feed.perform(.retry, on: try await all())
            let freed = try await feed.perform(.release, on: try await all())
            _ = try await feed.perform(.hold, on: try await all())
            let late = try await feed.perform(.hold, on: .frozen(set: try #require(freed.touched)))
            #expect((late.done, late.skipped) == (0, [.changed: 2]))
            await relay.stop()
        }
    }
}
