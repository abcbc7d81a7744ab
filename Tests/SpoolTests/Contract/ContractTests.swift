import Mail
import NIOCore
import NIOPosix
import SMTP
import Spool
import Testing

/// What every store promises, whatever it keeps mail in. What an order or a settlement means is tried in `RulesTests`; here
/// it is what a store makes of it: that it is written down wholly or not at all, and is there after a restart.
@Suite("the contract of a spool", .timeLimit(.minutes(5)))
struct ContractTests {
    private static let subject = "Subject: =?utf-8?q?gr=C3=BCn?=\r\n\r\nhello\r\n"

    private func code(_ body: () async throws -> Void) async -> SpoolError.Code? {
        do {
            try await body()
            return nil
        } catch { return (error as? SpoolError)?.code }
    }

    // MARK: messages

    @Test("a message survives a restart with every field, and its content", arguments: Implementation.allCases)
    func survives(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            var message = store.message(octets: 7)
            message.reversePath = .path(
                Path(route: [Domain("A")], mailbox: Mailbox(localPart: "\"odd one\"", domain: Domain("[192.0.2.1]"))))
            message.parameters = [Parameter("BODY", "8BITMIME"), Parameter("X-NEW")]
            let arrival = message.arrival
            message.arrival = Arrival(
                peer: arrival.peer, hello: arrival.hello, with: arrival.with, session: arrival.session, tls: "TLSv1.3",
                user: "ann")
            message.recipients[0].moved = true
            message.recipients[0].parameters = [Parameter("NOTIFY", "NEVER")]
            message.recipients[0].lastReply = "451 later"
            message.recipients[0].lastSaidBy = .nextHop
            message.recipients.append(SpooledRecipient(index: 1, forwardPath: .postmaster, due: message.arrived))
            let new = NewMessage(message, content: .buffer(ByteBuffer(string: "content")))
            try await store.spool.accept(new, on: store.loop).get()
            try await store.reopen()
            #expect(try await store.spool.message(message.id) == message)
            #expect(try await store.content(of: message.id) == "content")
            let lease = try await store.spool.lease(after: nil, count: 10)
            #expect(lease.messages == [message])
            #expect(lease.end == message.id)
            #expect(try await store.spool.lease(after: message.id, count: 10).end == nil)
            #expect(try await store.spool.message(store.spool.nextID(at: message.arrived)) == nil)
        }
        try await play(implementation.make())
    }

    @Test(
        "what many accept at once is all there, page by page, and no queue ID comes twice",
        arguments: Implementation.allCases)
    func many(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let accepted = Set(try await store.acceptMany(300).map(\.id))
            #expect(accepted.count == 300)
            var found: [QueueID] = []
            while let page = try? await store.spool.lease(after: found.last, count: 70), let end = page.end {
                #expect(page.messages.count <= 70)
                found += page.messages.map(\.id)
                #expect(found.last == end)
            }
            #expect(found == accepted.sorted())
            #expect(try await store.spool.counters().accepted == 300)
            try await store.reopen()
            #expect(store.spool.nextID(at: Timestamp(milliseconds: 0)) > found.last!)
        }
        try await play(implementation.make())
    }

    @Test(
        "large content streams in, is there as it came, and goes with its message", arguments: Implementation.allCases)
    func large(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = store.message(octets: 300_012)
            let file = store.spool.newContentFile(for: message.id)
            try file.append(ByteBuffer(string: "Subject: hi\n"))
            for _ in 0..<3 { try file.append(ByteBuffer(repeating: 0x61, count: 100_000)) }
            #expect(file.subject == ByteBuffer(string: " hi"))
            #expect(
                await self.code {
                    try await store.spool.accept(NewMessage(message, content: .file(file)), on: store.loop).get()
                } == .unavailable, "it is not finished")
            try file.finish()
            try await store.spool.accept(NewMessage(message, content: .file(file)), on: store.loop).get()
            try await store.reopen()
            let source = try await store.spool.content(of: message.id, on: store.loop).get()
            #expect(source.octets == 300_012)
            #expect(try await source.read(from: 8, count: 6, on: store.loop).get() == ByteBuffer(string: " hi\naa"))
            #expect(try await source.read(from: 300_000, count: 100, on: store.loop).get().readableBytes == 12)
            #expect(try await source.read(from: 300_012, count: 100, on: store.loop).get().readableBytes == 0)
            _ = try await store.settle(message, [.relayed])
            #expect(await self.code { _ = try await store.content(of: message.id) } == .damaged)
            #expect(try await store.spool.facts(of: message.id).first?.subject == ByteBuffer(string: " hi"))
        }
        try await play(implementation.make())
    }

    @Test("content that is discarded takes no more, and cannot be accepted", arguments: Implementation.allCases)
    func discarded(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = store.message(octets: 1)
            let file = store.spool.newContentFile(for: message.id)
            try file.append(ByteBuffer(string: "x"))
            file.discard()
            // A session may end while a piece of its content waits to be written.
            try file.append(ByteBuffer(string: "x"))
            file.discard()
            #expect(throws: SpoolError.self) { try file.finish() }
            #expect(
                await self.code {
                    try await store.spool.accept(NewMessage(message, content: .file(file)), on: store.loop).get()
                } == .unavailable)
            #expect(try await store.spool.lease(after: nil, count: 1).messages.isEmpty)
            #expect(try await store.spool.counters().accepted == 0)
        }
        try await play(implementation.make())
    }

    @Test("a message's content may be written anew from what came in", arguments: Implementation.allCases)
    func writtenAnew(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = store.message(octets: 7)
            let first = store.spool.newContentFile(for: message.id)
            try first.append(ByteBuffer(string: "con"))
            try first.append(ByteBuffer(string: "tent"))
            try first.finish()
            #expect(String(buffer: try first.read(from: 2, count: 3)) == "nte")
            #expect(String(buffer: try first.read(from: 2, count: 100)) == "ntent")
            #expect(try first.read(from: 7, count: 1).readableBytes == 0)
            let second = store.spool.newContentFile(for: message.id)
            try second.append(ByteBuffer(string: "CON"))
            try second.append(first.read(from: 3, count: 100))
            try second.finish()
            first.discard()
            try await store.spool.accept(NewMessage(message, content: .file(second)), on: store.loop).get()
            try await store.reopen()
            #expect(try await store.content(of: message.id) == "CONtent")
        }
        try await play(implementation.make())
    }

    @Test("content of another store is refused, and nothing of its message remains", arguments: Implementation.allCases)
    func foreignContent(_ implementation: Implementation) async throws {
        final class Stranger: StreamedContent {
            var subject: ByteBuffer? { nil }
            var messageID: String? { nil }
            func append(_ chunk: ByteBuffer) {}
            func finish() {}
            func read(from offset: Int, count: Int) -> ByteBuffer { ByteBuffer() }
            func discard() {}
        }
        func play(_ store: some StoreUnderTest) async throws {
            let new = NewMessage(store.message(octets: 1), content: .file(Stranger()))
            #expect(await self.code { try await store.spool.accept(new, on: store.loop).get() } == .foreign)
            #expect(try await store.spool.message(new.message.id) == nil)
            #expect(try await store.allFacts().facts.isEmpty)
        }
        try await play(implementation.make())
    }

    // MARK: settlements

    @Test(
        "relayed to all, a message is gone; facts tell of each recipient, in order and page by page",
        arguments: Implementation.allCases)
    func relayed(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let states: [RecipientState] = [.relayed, .relayed, .deferred, .relayed]
            let message = try await store.accept(recipients: 4)
            #expect(try await store.settle(message, states) == .done(generation: 1, isGone: false))
            try await store.reopen()
            #expect(try await store.spool.message(message.id)?.recipients.map(\.state) == states)
            // Whoever gives up tells again what was said last.
            let settlement = Settlement(
                message: message.id, at: message.arrived,
                outcomes: [.init(index: 2, generation: 1, state: .expired, reply: "as told")])
            let settled = try await store.spool.settle([settlement], on: store.loop).get()
            #expect(settled == [.done(generation: 2, isGone: true)])
            #expect(try await store.spool.message(message.id) == nil)
            #expect(await self.code { _ = try await store.content(of: message.id) } == .damaged)

            let facts = try await store.spool.facts(of: message.id)
            #expect(facts.map(\.kind) == [.accepted, .relayed, .relayed, .deferred, .relayed, .expired])
            #expect(facts.map(\.recipient) == [nil, 0, 1, 2, 3, 2])
            #expect(facts.map(\.to) == [nil] + [0, 1, 2, 3, 2].map { "<u\($0)@example.org>" })
            #expect(facts[1...4].allSatisfy { $0.remoteID == "R1" && $0.from == "<>" && $0.session == "out#1" })
            let security = SessionSecurity(tls: "TLSv1.3", isVerified: true)
            #expect(facts.map(\.saidBy) == [nil] + Array(repeating: .nextHop, count: 5))
            #expect(facts.map(\.security) == [nil, security, security, security, security, nil])
            for count in 1...7 { #expect(try await store.allFacts(inPagesOf: count) == (facts, 0)) }
            for count in 0...6 {
                let newest = try await store.spool.newestFacts(count: count)
                #expect(newest.facts == facts.suffix(count))
                #expect(try await store.spool.facts(after: newest.end, count: 1) == FactPage([], end: newest.end))
            }
            let counters = try await store.spool.counters()
            #expect((counters.accepted, counters.relayed, counters.deferredAttempts) == (1, 3, 1))
            #expect(counters.expired == 1)
        }
        try await play(implementation.make())
    }

    @Test("of several settlements each is done wholly or not at all", arguments: Implementation.allCases)
    func stale(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let first = try await store.accept(recipients: 2)
            let second = try await store.accept()
            _ = try await store.apply(.hold, [first.target(1)])
            let outcomes = [0, 1].map { Settlement.Outcome(index: $0, generation: 0, state: .relayed) }
            let settlements = [
                Settlement(message: first.id, at: first.arrived, outcomes: outcomes),
                Settlement(message: second.id, at: first.arrived, outcomes: Array(outcomes.prefix(1))),
                Settlement(message: second.id, at: first.arrived, outcomes: Array(outcomes.prefix(1))),
            ]
            let settled = try await store.spool.settle(settlements, on: store.loop).get()
            #expect(settled == [.stale, .done(generation: 1, isGone: true), .stale])
            #expect(try await store.spool.message(first.id)?.recipients.map(\.state) == [.queued, .hold])
            #expect(try await store.spool.counters().relayed == 1)
        }
        try await play(implementation.make())
    }

    @Test(
        "a bounce and its report are one transaction, and a stale one leaves no report",
        arguments: Implementation.allCases)
    func report(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let message = try await store.accept()
            let report = NewMessage(store.message(octets: 6), content: .buffer(ByteBuffer(string: "report")))
            #expect(try await store.settle(message, [.bounced], report: report) == .done(generation: 1, isGone: true))
            let stale = NewMessage(store.message(octets: 6), content: .buffer(ByteBuffer(string: "report")))
            #expect(try await store.settle(message, [.bounced], report: stale) == .stale)
            try await store.reopen()
            #expect(try await store.content(of: report.message.id) == "report")
            #expect(try await store.spool.message(report.message.id) == report.message)
            #expect(try await store.spool.message(stale.message.id) == nil)
            let facts = try await store.spool.facts(of: message.id)
            #expect(facts.map(\.kind) == [.accepted, .bounced, .reported])
            #expect(facts[2].text == report.message.id.description)
            let counters = try await store.spool.counters()
            #expect((counters.accepted, counters.bounced, counters.reports) == (2, 1, 1))
        }
        try await play(implementation.make())
    }

    // MARK: orders

    @Test(
        "an order changes what it names, says what it skipped and who gave it, and is there after a restart",
        arguments: Implementation.allCases)
    func orders(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let first = try await store.accept(recipients: 2)
            let second = try await store.accept()
            let gone = store.message(octets: 1)
            let targets = [second.target(), first.target(0), first.target(1, generation: 9), gone.target()]
            let held = try await store.apply(.hold, targets, at: 1000)
            #expect(held.changes.map(\.message) == [first.id, second.id])
            #expect(held.skipped == [.changed: 1, .gone: 1])
            #expect(held.undo == nil)
            try await store.reopen()
            let message = try #require(try await store.spool.message(first.id))
            #expect(message.generation == 1)
            #expect(message.recipients.map(\.state) == [.hold, .queued])
            #expect(message.recipients[0] == held.changes[0].recipient)
            let fact = try #require(try await store.spool.facts(of: first.id).last)
            #expect((fact.kind, fact.recipient, fact.actor) == (.held, 0, "ann"))
            #expect((fact.from, fact.to, fact.text) == ("<>", "<u0@example.org>", nil))
        }
        try await play(implementation.make())
    }

    @Test(
        "a drop is one, in however many parts it came; it is taken back in parts, over a restart, while there is time",
        arguments: Implementation.allCases)
    func undo(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let messages = try await store.acceptMany(1100) + [try await store.accept(recipients: 2)]
            let targets = messages.flatMap { message in message.recipients.indices.map { message.target($0) } }
            let until = Timestamp(milliseconds: 10_000)
            let first = try await store.apply(.drop(undoUntil: until), Array(targets.prefix(600)))
            let token = try #require(first.undo)
            let second = try await store.apply(.drop(undoUntil: until, token: token), Array(targets.dropFirst(600)))
            #expect(second.undo == token)
            let other = try await store.accept()
            let otherDrop = try await store.apply(.drop(undoUntil: until), [other.target()])
            #expect(otherDrop.undo != token)
            #expect(try await store.spool.counters().dropped == 1103)
            try await store.reopen()
            #expect(try await store.spool.undoable(at: Timestamp(milliseconds: 10_001)) == [])
            let undoable = try await store.spool.undoable(at: until)
            #expect(Set(undoable.map(\.token)) == [token, try #require(otherDrop.undo)])
            let large = try #require(undoable.first { $0.token == token })
            #expect((large.recipients, large.messages, large.until) == (1102, 1101, until))
            #expect(large.actor == "ann")
            #expect(try await store.undo(token, at: 10_001).skipped == [.tooLate: 1102])
            let undone = try await store.undo(token, at: 10_000)
            #expect(undone.changes.count == 1102)
            #expect(undone.changes.allSatisfy { $0.recipient.state == .queued && $0.recipient.generation == 2 })
            #expect(try await store.undo(token, at: 10_000).changes.isEmpty)
            #expect(try await store.spool.counters().dropped == 1)
            try await store.reopen()
            #expect(try await store.spool.message(messages[1100].id)?.recipients.map(\.state) == [.queued, .queued])
            #expect(try await store.content(of: messages[0].id) == "abc")
            #expect(try await store.spool.facts(of: messages[0].id).last?.actor == "bob")
            #expect(try await store.spool.message(other.id)?.recipients[0].state == .dropped)
            #expect(
                try await store.settle(messages[0], [.relayed], generation: 2) == .done(generation: 3, isGone: true))
        }
        try await play(implementation.make())
    }

    @Test(
        "a message that a drop keeps is purged when its time is over, and stays while a recipient waits",
        arguments: Implementation.allCases)
    func purge(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let whole = try await store.accept()
            let part = try await store.accept(recipients: 2)
            let until = Timestamp(milliseconds: 100)
            let token = try await store.apply(.drop(undoUntil: until), [whole.target(), part.target(0)]).undo
            // Settled while it is kept, it is kept all the same.
            let settled = try await store.accept(recipients: 2)
            _ = try await store.apply(.drop(undoUntil: until), [settled.target(0)])
            let outcomes = [Settlement.Outcome(index: 1, generation: 0, state: .relayed)]
            let settlement = Settlement(message: settled.id, at: settled.arrived, outcomes: outcomes)
            #expect(
                try await store.spool.settle([settlement], on: store.loop).get()
                    == [.done(generation: 2, isGone: false)])
            try await store.reopen()
            try await store.purge(at: 100)
            for message in [whole, part, settled] { #expect(try await store.spool.message(message.id) != nil) }
            try await store.purge(at: 101)
            #expect(try await store.spool.message(whole.id) == nil)
            #expect(try await store.spool.message(settled.id) == nil)
            #expect(await self.code { _ = try await store.content(of: whole.id) } == .damaged)
            #expect(try await store.spool.message(part.id)?.recipients.map(\.state) == [.dropped, .queued])
            #expect(try await store.undo(try #require(token), at: 1).changes.isEmpty)
            #expect(try await store.settle(part, [.relayed], generation: 0) == .stale)
            let last = Settlement(message: part.id, at: part.arrived, outcomes: outcomes)
            #expect(
                try await store.spool.settle([last], on: store.loop).get() == [.done(generation: 2, isGone: true)])
        }
        try await play(implementation.make())
    }

    @Test(
        "a purge that somebody orders is a fact of each drop; one by time is none", arguments: Implementation.allCases)
    func orderedPurge(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let early = try await store.accept()
            _ = try await store.apply(.drop(undoUntil: Timestamp(milliseconds: 100)), [early.target()])
            let part = try await store.accept(recipients: 3)
            _ = try await store.apply(
                .drop(undoUntil: Timestamp(milliseconds: 300)), [part.target(0), part.target(2)])
            try await store.purge(at: 101)
            #expect(try await store.spool.facts(of: early.id).map(\.kind) == [.accepted, .dropped])
            let order = PurgeOrder(at: Timestamp(milliseconds: 200), by: "bob")
            #expect(
                try await !store.spool.purge(at: Timestamp(milliseconds: 301), by: order, on: store.loop).get())
            let facts = try await store.spool.facts(of: part.id).filter { $0.kind == .purged }
            #expect(facts.map(\.recipient) == [0, 2] && facts.allSatisfy { $0.at == order.at && $0.actor == "bob" })
            #expect(facts.map(\.to) == [0, 2].map { part.recipients[$0].forwardPath.description })
            #expect(try await store.spool.undoable(at: Timestamp(milliseconds: 200)).isEmpty)
        }
        try await play(implementation.make())
    }

    @Test("more drops than one call purges go in several", arguments: Implementation.allCases)
    func purgeOfMany(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let targets = try await store.acceptMany(1100).map { $0.target() }
            _ = try await store.apply(.drop(undoUntil: Timestamp(milliseconds: 100)), targets)
            try await store.purge(at: 101)
            #expect(try await store.spool.lease(after: nil, count: 10).end == nil)
            #expect(try await store.spool.counters().dropped == 1100)
        }
        try await play(implementation.make())
    }

    @Test(
        "a message may come in on hold: the facts say why, and release lets it go", arguments: Implementation.allCases)
    func comesInOnHold(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            var message = store.message(octets: 7)
            for index in 1...3 {
                message.recipients.append(
                    SpooledRecipient(
                        index: index, forwardPath: message.recipients[0].forwardPath, due: message.arrived))
            }
            for index in 0...1 { message.recipients[index].comesInOnHold("smells of spam", at: message.arrived) }
            message.recipients[3].comesInOnHold("maintenance", at: message.arrived)
            message.recipients[3].comesInOnHold("a second reason", at: message.arrived)
            let new = NewMessage(message, content: .buffer(ByteBuffer(string: "content")), heldBy: "a filter")
            try await store.spool.accept(new, on: store.loop).get()
            try await store.reopen()
            #expect(try await store.spool.lease(after: nil, count: 1).messages == [message])
            #expect(message.recipients.map(\.state) == [.hold, .hold, .queued, .hold])
            let facts = try await store.spool.facts(of: message.id)
            #expect(facts.map(\.kind) == [.accepted, .held, .held, .held])
            #expect(facts.map(\.recipient) == [nil, 0, 1, 3])
            #expect(facts.map(\.text) == [nil, "smells of spam", "smells of spam", "maintenance"])
            #expect(facts.map(\.actor) == [nil, "a filter", "a filter", "a filter"])
            let release = Order(.release, at: message.arrived.adding(milliseconds: 5), by: "ann")
            let targets = [0, 2].map { RecipientTarget(message: message.id, index: $0, generation: 0) }
            let applied = try await store.spool.apply(release, on: targets, on: store.loop).get()
            #expect(applied.skipped == [.notOnHold: 1])
            #expect(applied.changes.map(\.recipient.state) == [.queued])
            #expect(applied.changes.map(\.recipient.heldTotal) == [5])
        }
        try await play(implementation.make())
    }

    // MARK: facts

    @Test("what is gone still shows who handed it over, and its Subject", arguments: Implementation.allCases)
    func arrival(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            var message = store.message(octets: Self.subject.utf8.count)
            message.arrival = Arrival(
                peer: "192.0.2.7:40112", hello: "client.example", with: "ESMTPSA", session: "in#7", tls: "TLSv1.3",
                user: "ann")
            let new = NewMessage(message, content: .buffer(ByteBuffer(string: Self.subject)))
            try await store.spool.accept(new, on: store.loop).get()
            _ = try await store.settle(message, [.relayed])
            try await store.reopen()
            let fact = try #require(try await store.spool.facts(of: message.id).first)
            #expect(fact.kind == .accepted)
            #expect(fact.arrival == message.arrival)
            #expect(fact.subject.map(MessageHeader.subject) == "grün")
            #expect((fact.from, fact.session, fact.contentOctets) == ("<>", "in#7", message.contentOctets))
            #expect(fact.text == nil)
        }
        try await play(implementation.make())
    }

    @Test(
        "a cursor goes on over a restart and through JSON; one of another store is refused",
        arguments: Implementation.allCases)
    func cursor(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            #expect(try await store.spool.newestFacts(count: 1) == FactPage([], end: .start))
            let messages = [try await store.accept(), try await store.accept()]
            let first = try await store.spool.facts(after: .start, count: 1)
            try await store.reopen()
            let coded = FactCursor(first.end.description)
            #expect(coded == first.end)
            let rest = try await store.spool.facts(after: coded, count: 10)
            #expect(rest.facts.map(\.message) == [messages[1].id])
            for text in ["-1", "x", "0", "99999999999999999999", "postgres/7"] {
                let foreign = FactCursor(text)
                #expect(await self.code { _ = try await store.spool.facts(after: foreign, count: 1) } == .foreign)
                #expect(
                    await self.code {
                        try await store.spool.acknowledge(foreign, as: "journal", on: store.loop).get()
                    } == .foreign)
            }
            #expect(try await store.spool.acknowledged(by: "journal") == nil)
        }
        try await play(implementation.make())
    }

    @Test(
        "old facts go only behind every reader, and without readers behind the bound",
        arguments: Implementation.allCases)
    func readers(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            func acknowledge(_ cursor: FactCursor, as reader: String) async throws {
                try await store.spool.acknowledge(cursor, as: reader, on: store.loop).get()
            }
            func oldest() async throws -> Int { try await store.spool.facts(after: .start, count: 1).missing }
            /// One change more, behind which the store is seen to have pruned.
            func settle() async throws {
                for _ in 0..<2 { try await store.accept() }
            }
            try await acknowledge(.start, as: "journal")
            try await acknowledge(.start, as: "backup")
            #expect(try await store.spool.acknowledged(by: "journal") == .start)
            _ = try await store.acceptMany(2500)
            try await settle()
            #expect(try await oldest() == 0, "two readers have read nothing")

            let half = try await store.spool.facts(after: .start, count: 2000)
            #expect((half.facts.count, half.missing) == (2000, 0))
            try await acknowledge(half.end, as: "journal")
            let behind = try await store.spool.condition.factsBehind()
            #expect(behind["backup"] == (behind["journal"] ?? 0) + 2000)
            try await store.reopen()
            try await settle()
            #expect(try await oldest() == 0, "the other reader has read nothing")
            #expect(try await store.spool.acknowledged(by: "journal") == half.end)

            try await acknowledge(try await store.spool.newestFacts(count: 0).end, as: "backup")
            try await settle()
            #expect((1000...2000).contains(try await oldest()))
            let page = try await store.spool.facts(after: half.end, count: 1)
            #expect(page.missing == 0, "the slower reader misses nothing")

            // A reader never goes back, and one that is gone keeps nothing.
            try await acknowledge(.start, as: "journal")
            #expect(try await store.spool.acknowledged(by: "journal") == half.end)
            try await store.spool.forget(reader: "journal", on: store.loop).get()
            #expect(try await store.spool.acknowledged(by: "journal") == nil)
            _ = try await store.acceptMany(2500)
            try await acknowledge(try await store.spool.newestFacts(count: 0).end, as: "backup")
            try await settle()
            #expect(try await oldest() > 2500)
            #expect(try await store.spool.newestFacts(count: 10).facts.count == 10, "the bound")
            try await store.spool.forget(reader: "backup", on: store.loop).get()
            _ = try await store.acceptMany(2000)
            try await settle()
            #expect(try await oldest() > 4500)
            #expect(try await store.spool.newestFacts(count: 10).facts.count == 10)
        }
        try await play(implementation.make(factsKept: 10))
    }

    // MARK: damage

    @Test(
        "a message whose row is damaged is named, hides no other, and can be told of",
        arguments: Implementation.allCases)
    func damagedRow(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let messages = [try await store.accept(), try await store.accept(), try await store.accept()]
            try await store.damageRow(of: messages[1].id)
            let lease = try await store.spool.lease(after: nil, count: 10)
            #expect(lease.messages == [messages[0], messages[2]])
            #expect(lease.damaged.map(\.message) == [messages[1].id])
            #expect(await self.code { _ = try await store.spool.message(messages[1].id) } == .damaged)
            #expect(await self.code { _ = try await store.settle(messages[1], [.relayed]) } == .damaged)
            #expect(
                await self.code { _ = try await store.apply(.hold, messages.map { $0.target() }) } == .damaged,
                "an order is one transaction")
            #expect(try await store.spool.message(messages[0].id) == messages[0])
            #expect(try await store.settle(messages[2], [.relayed]) == .done(generation: 1, isGone: true))
            try await store.spool.report(lease.damaged, at: Timestamp(milliseconds: 5), on: store.loop).get()
            let fact = try #require(try await store.spool.facts(of: messages[1].id).last)
            #expect((fact.kind, fact.text, fact.at.milliseconds) == (.damaged, lease.damaged[0].reason, 5))
        }
        try await play(implementation.make())
    }

    @Test("content that is not what was accepted is damage", arguments: Implementation.allCases)
    func damagedContent(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let messages = [try await store.accept(), try await store.accept()]
            try await store.damageContent(of: messages[0].id)
            #expect(await self.code { _ = try await store.content(of: messages[0].id) } == .damaged)
            #expect(try await store.content(of: messages[1].id).hasSuffix("hello\r\n"))
            #expect(try await store.spool.message(messages[0].id) == messages[0])
        }
        try await play(implementation.make())
    }

    // MARK: the end

    @Test("closing waits for what was begun; then everything is refused", arguments: Implementation.allCases)
    func close(_ implementation: Implementation) async throws {
        func play(_ store: some StoreUnderTest) async throws {
            let before = try await store.accept()
            let message = store.message(octets: 3)
            let new = NewMessage(message, content: .buffer(ByteBuffer(string: "abc")))
            let accepted = store.spool.accept(new, on: store.loop)
            await store.spool.close()
            try await accepted.get()
            #expect(await self.code { try await store.accept() } == .unavailable)
            #expect(await self.code { _ = try await store.settle(before, [.relayed]) } == .unavailable)
            #expect(await self.code { _ = try await store.apply(.hold, [before.target()]) } == .unavailable)
            #expect(await self.code { _ = try await store.undo(1, at: 1) } == .unavailable)
            #expect(await self.code { _ = try await store.spool.lease(after: nil, count: 1) } == .unavailable)
            #expect(await self.code { _ = try await store.allFacts() } == .unavailable)
            try await store.reopen()
            #expect(try await store.spool.message(message.id) == message)
            #expect(try await store.spool.message(before.id)?.recipients[0].state == .queued)
        }
        try await play(implementation.make())
    }
}
