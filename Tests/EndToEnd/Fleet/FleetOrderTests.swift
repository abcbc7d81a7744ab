import Mail
import Monitor
import Relay
import SMTP
import Spool
import SpoolTesting
import Testing

@testable import hoptop

extension EndToEnd {
    /// A message that one node is just handing over, and what is ordered about it at another.
    @Suite("an order at another node about mail that is being handed over", .timeLimit(.minutes(3)))
    struct FleetOrderTests {
        /// Two nodes on one queue, and a next hop that keeps one waiting for its last reply.
        private final class Pair {
            let hop: SilentHop
            let holder: Relay
            let other: Relay
            private let folder: TemporaryFolder

            init() async throws {
                let database = try PostgreSQLCluster.shared.get().makeDatabase()
                let folder = try TemporaryFolder()
                let hop = try SilentHop()
                let routes = [
                    Route(
                        pattern: try #require(DomainPattern("*")),
                        via: [SocketEndpoint(host: "127.0.0.1", port: hop.port)])
                ]
                (self.folder, self.hop) = (folder, hop)
                self.holder = try await .started(as: 1, on: database, in: folder, routes: routes)
                self.other = try await .started(as: 2, on: database, in: folder, routes: routes)
            }

            /// Sends a message, and returns when the next hop has all of it and the other node knows of it.
            func handOver() async throws -> MessageRef {
                try await self.holder.send(to: ["<u@d.example>"])
                self.hop.serveUntilDot()
                var ref: MessageRef?
                let isKnown = try await eventually {
                    ref = try await self.rows(self.other).first?.ref
                    return ref != nil
                }
                #expect(isKnown)
                return try #require(ref)
            }

            func rows(_ relay: Relay) async throws -> [QueueRow] {
                let window = WindowRequest<MessageRef>(.row(number: 0), count: 9)
                return try await relay.feed(user: "ann").queue(QueueQuery(), window: window).rows
            }

            func kinds() async throws -> [FactRow.Kind] {
                try await self.other.feed(user: "ann").facts(after: "", count: 100).rows.map(\.kind)
            }

            /// Waits until both have nothing in the queue.
            func isSettled() async throws -> Bool {
                try await eventually {
                    let left = try await self.rows(self.holder) + self.rows(self.other)
                    return left.isEmpty
                }
            }

            func stop() async {
                await self.holder.stop(within: 1)
                await self.other.stop(within: 1)
            }
        }

        @Test(
            "mail that the next hop took is relayed, once, whatever was ordered",
            arguments: [QueueAction.retry, .hold, .drop, .bounce])
        func taken(_ action: QueueAction) async throws {
            let pair = try await Pair()
            let ref = try await pair.handOver()
            let receipt = try await pair.other.feed(user: "ann")
                .perform(action, on: .messages(references: [ref], matching: .all))
            #expect(receipt.done == 1)
            pair.hop.answer("250 2.0.0 taken")
            #expect(try await pair.isSettled())
            let kinds = try await pair.kinds()
            #expect(kinds.count { $0 == .relayed } == 1)
            #expect(!kinds.contains(.bounced) && !kinds.contains(.reported))
            #expect(kinds.last == .relayed)
            if let undo = receipt.undo { #expect(try await pair.other.feed(user: "ann").undo(undo).done == 0) }
            await pair.stop()
        }

        @Test(
            "mail that the next hop took while it was given another address went to the one that it had, and to no other"
        )
        func readdressed() async throws {
            let pair = try await Pair()
            let ref = try await pair.handOver()
            let feed = pair.other.feed(user: "ann")
            let mail = Targets.messages(references: [ref], matching: .all)
            #expect(try await feed.edit(mail, .address(to: "v@d.example")).done == 1)
            pair.hop.answer("250 2.0.0 taken")
            #expect(try await pair.isSettled())
            let facts = try await feed.facts(after: "", count: 100).rows
            #expect(facts.map(\.kind) == [.accepted, .readdressed, .relayed])
            #expect(facts.last?.to == "<u@d.example>")
            await pair.stop()
        }

        @Test("what it put off goes to the other address, and no more to the one that it had")
        func readdressedInTime() async throws {
            let pair = try await Pair()
            let ref = try await pair.handOver()
            let mail = Targets.messages(references: [ref], matching: .all)
            #expect(
                try await pair.other.feed(user: "ann").edit(mail, .address(to: "v@d.example")).done == 1)
            pair.hop.answer("451 4.3.0 not now")
            let isNext = try await eventually {
                let detail = try await pair.holder.feed(user: "ann").message(ref)
                return detail?.recipients.map(\.forwardPath) == ["<v@d.example>"]
            }
            #expect(isNext)
            #expect(try await !pair.kinds().contains(.relayed))
            await pair.stop()
        }

        @Test("what it put off is bounced by the node that has it, once it knows that")
        func bounced() async throws {
            let pair = try await Pair()
            let ref = try await pair.handOver()
            let receipt = try await pair.other.feed(user: "ann")
                .perform(.bounce, on: .messages(references: [ref], matching: .all), because: "they have moved")
            #expect(receipt.done == 1)
            #expect(try await pair.rows(pair.other).map(\.state) == [.hold])
            pair.hop.answer("451 4.3.0 not now")
            #expect(try await eventually { try await pair.kinds().contains(.reported) })
            let kinds = try await pair.kinds()
            #expect(kinds.count { $0 == .bounced } == 1)
            let facts = try await pair.other.feed(user: "ann").facts(after: "", count: 100).rows
            #expect(facts.first { $0.kind == .bounced }?.text == "bounced by the operator: they have moved")
            #expect(!kinds.contains(.relayed))
            await pair.stop()
        }

        @Test("one recipient that somebody changed takes none of the others with it")
        func others() async throws {
            let pair = try await Pair()
            try await pair.holder.send(to: ["<u@d.example>", "<v@d.example>"])
            pair.hop.serveUntilDot(recipients: 2)
            #expect(try await eventually { try await pair.rows(pair.other).count == 1 })
            let feed = pair.other.feed(user: "ann")
            let ref = try #require(try await pair.rows(pair.other).first?.ref)
            let recipient = try #require(try await feed.message(ref)?.recipients.last?.ref)
            #expect(try await feed.perform(.hold, on: .recipients(references: [recipient])).done == 1)
            pair.hop.answer("250 2.0.0 taken")
            #expect(try await pair.isSettled())
            #expect(try await pair.kinds().count { $0 == .relayed } == 2)
            await pair.stop()
        }
    }
}
