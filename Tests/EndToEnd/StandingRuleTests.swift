import Foundation
import GRDB
import Glibc
import Mail
import Monitor
import NIOCore
import NIOPosix
import Relay
import SMTP
import Spool
import Testing

@testable import hoptop

extension EndToEnd {
    @Suite("standing rules, and orders about destinations", .timeLimit(.minutes(1)))
    struct StandingRuleTests {
        private let folder: TemporaryFolder
        init() throws { self.folder = try TemporaryFolder() }

        /// An engine whose feed tests ask.
        private func start(via endpoints: SocketEndpoint...) async throws -> (relay: Relay, feed: any MonitorFeed) {
            let any = try #require(DomainPattern("*"))
            let relay = try await Relay.started("\(self.folder.path)/spool") {
                $0.routes = endpoints.map { Route(pattern: any, via: [$0]) }
            }
            return (relay, relay.feed(user: "ops"))
        }

        /// `state to` of each recipient that is queued.
        private func queued(_ feed: any MonitorFeed) async throws -> [String] {
            let rows = try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 100)).rows
            var all: [String] = []
            for row in rows {
                let recipients = try await feed.message(row.ref.id)?.recipients ?? []
                all += recipients.filter { !$0.state.isSettled }.map { "\($0.state.word) \($0.forwardPath)" }
            }
            return all.sorted()
        }

        @Test("what was ordered about a host holds although routes spell it otherwise later, also for mail that waits")
        func spelling() async throws {
            let far = [
                try await Sink(at: "127.0.0.1", port: 0), try await Sink(at: "127.0.0.1", port: 0),
            ]
            func hosts(_ name: String) -> [SocketEndpoint] { far.map { SocketEndpoint(host: name, port: $0.port) } }
            let any = try #require(DomainPattern("*"))
            let relay = try await Relay.started("\(self.folder.path)/spool") {
                $0.routes = [Route(pattern: any, via: hosts("LOCALHOST"))]
            }
            let feed = relay.feed(user: "ops")
            for host in hosts("localhost") {
                _ = try await feed.perform(.set(terms: .init(.suspend(destination: host.description))))
            }
            _ = try await feed.perform(.limit(destination: "\(hosts("localhost")[0])", connections: 1))
            try await relay.send(to: ["<u@z.example>"])
            var configuration = RelayConfiguration(
                hostname: "relay.example", listen: [], spoolDirectory: "\(self.folder.path)/spool")
            configuration.routes = [Route(pattern: any, via: hosts("LocalHost"))]
            relay.reload(configuration, keyring: try Keyring(configuration))
            let name = hosts("LocalHost")[0].description
            #expect(
                try await eventually {
                    let rows = try await feed.overview().destinations
                    return rows.map(\.destination) == [name] && rows.map(\.condition) == [.suspended]
                })
            #expect(far.allSatisfy { $0.sessions == 0 })
            let row = try await feed.destinations(DestinationQuery(), window: WindowRequest(.row(number: 0), count: 1))
                .rows.first
            #expect(row?.isLimited == true && row?.connectionLimit == 1 && row?.suspendedName == name)
            // What was set under another spelling is replaced, and taken off.
            _ = try await feed.perform(.set(terms: .init(.suspend(destination: name))))
            _ = try await feed.perform(.limit(destination: name, connections: nil))
            #expect(try await feed.rules().map(\.rule.terms.order.destination) == ["\(hosts("LOCALHOST")[1])", name])
            let suspension = try #require(try await feed.rules().about("localhost:\(far[0].port)") { _ in true }.first)
            #expect(try await feed.perform(.end(rule: suspension.ref)).done == 1)
            #expect(try await eventually { far[0].messages.count == 1 })
            #expect(far[1].sessions == 0)
            await relay.stop()
            for end in far { await end.stop() }
        }

        @Test("a rule holds what is queued and what comes, of mixed mail its recipients alone, and lets go of these")
        func hold() async throws {
            let (relay, feed) = try await self.start()
            // Without a route they stay.
            try await relay.send(to: ["<a@example.org>", "<b@example.com>", "<c@EXAMPLE.org>"])
            try await relay.send(to: ["<d@sub.example.org>", "<e@example.org>"])
            #expect(try await eventually { try await self.queued(feed).count == 5 })
            let byHand = try await feed.freeze(QueueQuery(filter: FilterExpression(.to, is: "e@example.org")))
            _ = try await feed.perform(.hold, on: .frozen(set: byHand.id))

            let terms = StandingRule.Terms(.hold(mail: .recipient(pattern: "example.org")), reason: "maintenance")
            let preview = try await feed.preview(terms)
            #expect((preview.recipients, preview.messages, preview.onHold) == (3, 2, 1))
            // Of a mixed message one that it is about is shown, and not its unhappiest.
            #expect(
                Set(preview.sample.map(\.to)).isSubset(of: ["<a@example.org>", "<c@EXAMPLE.org>", "<e@example.org>"]))
            #expect(preview.sample.map(\.matching).sorted() == [1, 2])
            let set = try await feed.perform(.set(terms: terms))
            #expect((set.done, set.messages) == (2, 1))
            try await relay.send(to: ["<f@example.com>", "<g@example.org>"])
            #expect(
                try await eventually {
                    try await self.queued(feed) == [
                        "hold <a@example.org>", "hold <c@EXAMPLE.org>", "hold <e@example.org>", "hold <g@example.org>",
                        "queued <b@example.com>", "queued <d@sub.example.org>", "queued <f@example.com>",
                    ]
                })
            let rule = try #require(try await feed.rules().first)
            #expect((rule.held, rule.rule.by, rule.rule.terms) == (3, "ops", terms))
            let facts = try await feed.facts(after: nil, count: 100).rows
            let held = facts.filter { $0.kind == .held && $0.text != nil }
            #expect(held.allSatisfy { $0.text == "rule 1 of ops: maintenance" && $0.actor == "ops" })
            #expect(held.map(\.to) == ["<a@example.org>", "<c@EXAMPLE.org>", "<g@example.org>"])

            // What is released by hand stays so under the rule, and is none of its end's.
            let released = try await feed.freeze(QueueQuery(filter: FilterExpression(.to, is: "a@example.org")))
            _ = try await feed.perform(.release, on: .frozen(set: released.id))
            #expect(try await feed.rules().map(\.held) == [2])

            // A second rule takes over what both hold.
            let wide = StandingRule.Terms(.hold(mail: .sender(pattern: "*")))
            _ = try await feed.perform(.set(terms: wide))
            let ended = try await feed.perform(.end(rule: rule.ref))
            #expect(ended.done == 0)
            #expect(try await eventually { try await feed.rules().map(\.held) == [6] })
            let last = try #require(try await feed.rules().first?.ref)
            let ending = try await feed.perform(.end(rule: last))
            #expect((ending.done, ending.messages) == (6, 3))
            #expect(
                try await self.queued(feed).filter { $0.hasPrefix("hold") } == ["hold <e@example.org>"])
            #expect(try await feed.rules().isEmpty)
            await #expect(throws: FeedError.self) { try await feed.perform(.end(rule: last)) }
            await relay.stop()
        }

        @Test("a rule ends at its time, and what it held goes")
        func end() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let (relay, feed) = try await self.start(via: farEnd.endpoint)
            let until = Timestamp.now.adding(milliseconds: 1500)
            let terms = StandingRule.Terms(.hold(mail: .recipient(pattern: "*.example")), until: until)
            let set = try await feed.perform(.set(terms: terms))
            #expect(set.inverse == .end(rule: try #require(try await feed.rules().first?.ref)))
            try await relay.send(to: ["<u@z.example>"])
            ledger.sent([Ledger.Entry("<1@c>", "u@z.example")])
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(Timestamp.now >= until)
            let kinds: [FactRow.Kind] = [.ruleSet, .accepted, .held, .ruleEnded, .released, .relayed]
            #expect(try await eventually { try await feed.facts(after: "", count: 100).rows.map(\.kind) == kinds })
            await #expect(throws: FeedError.self) { try await feed.preview(terms) }
            await relay.stop()
            await farEnd.stop()
        }

        @Test("what was being tried when a rule was set is held when it has to wait")
        func underWay() async throws {
            let farEnd = try await FarEnd.start(ledger: Ledger())
            let (relay, feed) = try await self.start(via: farEnd.endpoint)
            try await relay.send(to: ["<u@slow.example>"])
            #expect(try await eventually { try await self.queued(feed) == ["active <u@slow.example>"] })
            let terms = StandingRule.Terms(.hold(mail: .recipient(pattern: "slow.example")))
            let set = try await feed.perform(.set(terms: terms))
            #expect((set.done, set.skipped) == (0, [.active: 1]))
            await farEnd.stop()
            #expect(try await eventually { try await self.queued(feed) == ["hold <u@slow.example>"] })
            #expect(try await feed.rules().map(\.held) == [1])
            await relay.stop()
        }

        @Test("what a crash left half done, of a rule's beginning and of its end, the next start ends")
        func halfDone() async throws {
            let spool = try SQLiteSpool(directory: "\(self.folder.path)/spool", threads: .singleton)
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            func accept(_ to: String, heldUnder rule: Int64?) async throws {
                let now = Timestamp.now
                var recipient = SpooledRecipient(
                    index: 0, forwardPath: try ForwardPath(parsing: to), due: now, heldUnder: rule)
                if rule != nil { recipient.comesInOnHold("a rule", at: now) }
                let message = SpooledMessage(
                    id: spool.nextID(at: now), arrived: now, reversePath: .null, arrival: Arrival(with: "ESMTP"),
                    contentOctets: 2, recipients: [recipient])
                try await spool.accept(NewMessage(message, content: .buffer(ByteBuffer(string: "\r\n"))), on: loop)
                    .get()
            }
            let begun = try await spool.set(
                StandingRule.Terms(.hold(mail: .recipient(pattern: "*.org"))), at: .now, by: "ops", on: loop
            ).get()
            let over = try await spool.set(
                StandingRule.Terms(.hold(mail: .recipient(pattern: "*.net")), until: .now), at: .now, by: "ops",
                on: loop
            ).get()
            try await accept("<a@example.org>", heldUnder: nil)
            try await accept("<b@example.com>", heldUnder: over.id + 1)
            try await accept("<c@example.net>", heldUnder: over.id)
            // Of a rule that is gone, and of one that is not.
            try await accept("<d@example.org>", heldUnder: over.id + 2)
            await spool.close()

            let (relay, feed) = try await self.start()
            #expect(
                try await eventually {
                    try await self.queued(feed) == [
                        "hold <a@example.org>", "hold <d@example.org>", "queued <b@example.com>",
                        "queued <c@example.net>",
                    ]
                })
            #expect(try await eventually { try await feed.rules().map(\.rule.id) == [begun.id] })
            let last = try await feed.facts(after: nil, count: 100).rows.filter { $0.kind == .ruleEnded }
            #expect(last.map(\.actor) == [nil])
            await relay.stop()
        }

        private func change(_ sql: String) throws {
            let database = try DatabaseQueue(path: "\(self.folder.path)/spool/spool.sqlite")
            try database.write { try $0.execute(sql: sql) }
            try database.close()
        }

        @Test("what a rule holds that cannot be read any more stays on hold until it is released by hand")
        func unreadable() async throws {
            let (relay, feed) = try await self.start()
            let terms = StandingRule.Terms(.hold(mail: .recipient(pattern: "example.org")))
            _ = try await feed.perform(.set(terms: terms))
            try await relay.send(to: ["<a@example.org>"])
            #expect(try await eventually { try await self.queued(feed) == ["hold <a@example.org>"] })
            await relay.stop()
            try self.change("UPDATE rules SET terms = '{'")

            let (again, feed2) = try await self.start()
            try await again.send(to: ["<b@example.org>"])
            #expect(
                try await eventually {
                    try await self.queued(feed2) == ["hold <a@example.org>", "queued <b@example.org>"]
                })
            let held = try await feed2.freeze(QueueQuery(filter: FilterExpression(.to, is: "a@example.org")))
            #expect(try await feed2.perform(.release, on: .frozen(set: held.id)).done == 1)
            #expect(try await self.queued(feed2) == ["queued <a@example.org>", "queued <b@example.org>"])
            await again.stop()
        }

        @Test("a relay whose rules cannot be read does not begin: mail would go out that they hold")
        func unread() async throws {
            let (relay, _) = try await self.start()
            await relay.stop()
            try self.change("DROP TABLE rules; CREATE TABLE rules (other INTEGER)")
            await #expect(throws: (any Error).self) { _ = try await self.start() }
        }

        @Test("who is refused, is so in a session under way too, with the rule's own words; nobody else is")
        func refuse() async throws {
            let (relay, feed) = try await self.start()
            let address = try #require(relay.listening.first.flatMap { SocketEndpoint($0) })
            let connection = try Loopback(address.port)
            #expect(connection.read(until: "\r\n").hasPrefix("220 "))
            func say(_ line: String) -> String {
                connection.write(line + "\r\n")
                // A CRLF is one character.
                return String(connection.read(until: "\r\n").dropLast())
            }
            #expect(say("HELO client.example").hasPrefix("250"))
            #expect(say("MAIL FROM:<a@spam.example>") == "250 2.1.0 Ok")
            #expect(say("RSET").hasPrefix("250"))
            func set(_ mail: MailCondition, _ refusal: Refusal) async throws -> RuleRef {
                let done = try await feed.perform(.set(terms: StandingRule.Terms(.refuse(mail: mail, with: refusal))))
                guard case .end(let rule)? = done.inverse else { throw Failure("no way back") }
                return rule
            }
            let sender = try await set(.sender(pattern: "*.spam.example"), Refusal(code: 550, text: "No bulk mail"))
            _ = try await set(.sender(pattern: "a@spam.example"), Refusal(code: 450))
            _ = try await set(.recipient(pattern: "x@example.org"), Refusal(code: 554))
            #expect(say("MAIL FROM:<b@x.SPAM.example>") == "550 5.7.1 No bulk mail")
            #expect(say("MAIL FROM:<A@spam.example>") == "450 4.7.1 Not accepted for now, try again later")
            #expect(say("MAIL FROM:<b@spam.example>") == "250 2.1.0 Ok")
            #expect(say("RCPT TO:<x@example.org>") == "554 5.7.1 Not accepted here")
            #expect(say("RCPT TO:<y@example.org>") == "250 2.1.5 Ok")
            #expect(try await feed.rules().map(\.refused) == [1, 1, 1])
            _ = try await feed.perform(.end(rule: sender))
            let client = try await set(.client(network: "127.0.0.0/8"), Refusal(code: 550))
            #expect(say("RSET").hasPrefix("250"))
            #expect(say("MAIL FROM:<b@x.spam.example>") == "550 5.7.1 Not accepted here")
            _ = try await feed.perform(.end(rule: client))
            #expect(say("MAIL FROM:<b@x.spam.example>") == "250 2.1.0 Ok")
            for terms in [
                StandingRule.Terms(.refuse(mail: .sender(pattern: "*"), with: Refusal(code: 250))),
                StandingRule.Terms(.refuse(mail: .sender(pattern: "*"), with: Refusal(code: 550, text: "a\r\nb"))),
                StandingRule.Terms(.hold(mail: .client(network: "example.org"))),
                StandingRule.Terms(.hold(mail: .recipient(pattern: "a@*.example.org"))),
                StandingRule.Terms(.hold(mail: .recipient(pattern: "<>"))),
                StandingRule.Terms(.reroute(destination: "a:25", via: "nowhere:x")),
            ] {
                await #expect(throws: FeedError.self, "\(terms)") { try await feed.perform(.set(terms: terms)) }
            }
            await relay.stop()
        }

        @Test("a client's mail is held by its address, also what is queued")
        func client() async throws {
            let (relay, feed) = try await self.start()
            try await relay.send(to: ["<a@example.org>"])
            #expect(try await eventually { try await self.queued(feed).count == 1 })
            let other = StandingRule.Terms(.hold(mail: .client(network: "192.0.2.0/24")))
            #expect(try await feed.preview(other).recipients == 0)
            let terms = StandingRule.Terms(.hold(mail: .client(network: "127.0.0.1")))
            #expect(try await feed.preview(terms).recipients == 1)
            #expect(try await feed.perform(.set(terms: terms)).done == 1)
            await relay.stop()
        }

        @Test("a destination is suspended over a restart: nothing goes there, and who, until when and why is told")
        func suspend() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            var (relay, feed) = try await self.start(via: farEnd.endpoint)
            let name = farEnd.endpoint.description
            let until = Timestamp.now.adding(milliseconds: 3_600_000)
            let terms = StandingRule.Terms(.suspend(destination: name), until: until, reason: "a new disk")
            _ = try await feed.perform(.set(terms: terms))
            try await relay.send(to: ["<u@z.example>"])
            ledger.sent([Ledger.Entry("<1@c>", "u@z.example")])
            await relay.stop()
            (relay, feed) = try await self.start(via: farEnd.endpoint)
            let overview = try await feed.overview()
            #expect(
                overview.attention.map(\.kind) == [
                    .suspended(destination: name, by: "ops", until: until, reason: "a new disk")
                ])
            #expect(overview.attention.map(\.count) == [1])
            #expect(overview.destinations.map(\.condition) == [.suspended])
            let row = try #require(
                try await feed.queue(QueueQuery(), window: WindowRequest(.row(number: 0), count: 1)).rows.first)
            #expect((row.nextAttempt, row.lastReply) == (until, "suspended by ops: a new disk"))
            #expect(
                try await feed.message(row.ref.id)?.recipients.first?.why
                    == .suspended(by: "ops", until: until, reason: "a new disk"))
            let retried = try await feed.perform(.retry, on: .messages(references: [row.ref], matching: .all))
            #expect(retried.remarks == [.suspended(destination: name)])
            #expect(!ledger.missing.isEmpty)

            // Another suspension takes the place of the first.
            let again = StandingRule.Terms(.suspend(destination: name))
            #expect(try await feed.preview(again).replaces?.terms == terms)
            let second = try await feed.perform(.set(terms: again))
            #expect(try await feed.rules().map(\.rule.terms) == [again])
            #expect(!ledger.missing.isEmpty)
            _ = try await feed.perform(try #require(second.inverse))
            #expect(try await eventually { ledger.missing.isEmpty })
            #expect(try await feed.overview().attention.isEmpty)
            await relay.stop()
            await farEnd.stop()
        }

        @Test("mail is sent another way: what was chosen, and all of a destination's, over a restart and back")
        func reroute() async throws {
            let ledger = Ledger()
            let farEnd = try await FarEnd.start(ledger: ledger)
            let nobody = ClosedPort.endpoint
            var (relay, feed) = try await self.start(via: nobody)
            _ = try await feed.perform(.set(terms: StandingRule.Terms(.suspend(destination: "\(nobody)"))))
            try await relay.send(to: ["<u@z.example>", "<v@y.example>"])
            #expect(try await eventually { try await self.queued(feed).count == 2 })
            let chosen = try await feed.freeze(QueueQuery(filter: FilterExpression(.to, is: "u@z.example")))
            ledger.sent([Ledger.Entry("<1@c>", "u@z.example")])
            let sent = try await feed.reroute(.frozen(set: chosen.id), via: "\(farEnd.endpoint)")
            #expect((sent.done, sent.messages) == (1, 1))
            #expect(try await eventually { ledger.missing.isEmpty })
            await #expect(throws: FeedError.self) { try await feed.reroute(.frozen(set: chosen.id), via: "x y") }

            let terms = StandingRule.Terms(.reroute(destination: "\(nobody)", via: "\(farEnd.endpoint)"))
            let preview = try await feed.preview(terms)
            #expect((preview.recipients, preview.messages, preview.isKnown) == (1, 1, true))
            ledger.sent([Ledger.Entry("<1@c>", "v@y.example")])
            let set = try await feed.perform(.set(terms: terms))
            #expect((set.done, set.messages) == (1, 1))
            #expect(try await eventually { ledger.missing.isEmpty })
            await relay.stop()
            (relay, feed) = try await self.start(via: nobody)
            ledger.sent([Ledger.Entry("<2@c>", "w@y.example")])
            try await relay.send(to: ["<w@y.example>"], "Message-ID: <2@c>\r\n\r\nhi\r\n")
            #expect(try await eventually { ledger.missing.isEmpty })
            _ = try await feed.perform(try #require(set.inverse))
            try await relay.send(to: ["<x@y.example>"])
            #expect(try await eventually { try await self.queued(feed) == ["queued <x@y.example>"] })
            let destination = try await feed.overview().destinations.first
            #expect((destination?.destination, destination?.condition) == ("\(nobody)", .suspended))
            await relay.stop()
            await farEnd.stop()
        }
    }
}
